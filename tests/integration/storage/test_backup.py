"""Backups are whole or not there, and a restore is done or has changed nothing."""

from pathlib import Path

import pytest

from alphaplus_tui.errors import FatalError, SchemaTooNew, UsageError
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.storage.backup import back_up, restore
from alphaplus_tui.storage.client_tools import client_tools
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.embedded import ServerAddress
from alphaplus_tui.storage.migrate import changing_data
from alphaplus_tui.storage.pool import Address
from tests.contracts.test_opinions_contract import alert, decision, signal
from tests.contracts.test_store_contract import BTC, FOREVER
from tests.integration.storage.server import connected, database, database_at, new_database, server, url
from tests.integration.storage.test_tables import trade

__all__ = ["database", "server", "url"]


async def fill(database: PostgresDatabase) -> None:
    await database.writer.register([BTC])
    await database.writer.write(
        Batch(trades=(trade(1, day=-400), trade(2), trade(3)), decisions=(decision(1),), signals=(signal(1),))
    )
    await database.writer.write(Batch(alerts=(alert(1),)))


async def test_what_is_restored_reads_as_what_was_backed_up(
    server: ServerAddress, database: PostgresDatabase, url: str, tmp_path: Path
) -> None:
    await fill(database)
    file = tmp_path / "a backup.dump"
    made = await back_up(Address(dsn=url), file, embedded=False)
    assert made.rows["trades"] == 3
    other = await new_database(server)
    restored = await restore(Address(dsn=other), file, embedded=False)
    assert restored.rows == made.rows
    async with database_at(other, tmp_path) as again:
        await again.connect()
        assert await again.reader.decision(decision(1).id) == await database.reader.decision(decision(1).id)
        assert len(await again.reader.trades(BTC.id, start=0, end=FOREVER, limit=9)) == 3
        await again.writer.write(Batch(trades=(trade(4, day=2),)))
        assert await again.reader.alerts(BTC.id, since=0, before=FOREVER, limit=9) == (alert(1),)


async def test_a_restore_that_breaks_in_the_middle_changes_nothing(
    server: ServerAddress, database: PostgresDatabase, url: str, tmp_path: Path
) -> None:
    await fill(database)
    file = tmp_path / "backup.dump"
    await back_up(Address(dsn=url), file, embedded=False)
    other = await new_database(server)
    async with database_at(other, tmp_path) as there:
        await there.connect()
        await there.writer.register([BTC])
        await there.writer.write(Batch(trades=(trade(9, day=-3),)))
    async with connected(other) as connection:
        # somebody else's table stands where a partition of the backup must go
        await connection.execute("CREATE TABLE trades_20231028 (theirs integer)")
    with pytest.raises(FatalError, match="everything is as it was"):
        await restore(Address(dsn=other), file, embedded=False, replace=True)
    async with database_at(other, tmp_path) as there:
        await there.connect()
        assert [row.trade_id for row in await there.reader.trades(BTC.id, start=0, end=FOREVER, limit=9)] == ["9"]


async def test_data_is_replaced_only_when_that_is_said(
    database: PostgresDatabase, url: str, tmp_path: Path, server: ServerAddress
) -> None:
    await fill(database)
    file = tmp_path / "backup.dump"
    await back_up(Address(dsn=url), file, embedded=False)
    with pytest.raises(UsageError, match="another AlphaPlus uses this database"):
        await restore(Address(dsn=url), file, embedded=False, replace=True)
    await database.close()
    with pytest.raises(UsageError, match="--force replaces"):
        await restore(Address(dsn=url), file, embedded=False)
    async with connected(url) as connection:
        await connection.execute("DELETE FROM trades")
    await restore(Address(dsn=url), file, embedded=False, replace=True)
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM trades") == 3


async def test_a_backup_of_a_newer_schema_or_of_something_else_is_refused(
    server: ServerAddress, database: PostgresDatabase, url: str, tmp_path: Path
) -> None:
    empty = await new_database(server)
    with pytest.raises(UsageError, match="no backup of AlphaPlus"):
        await back_up(Address(dsn=empty), tmp_path / "empty.dump", embedded=False)
    assert list(tmp_path.glob("*.dump*")) == list(tmp_path.glob(".*")) == []
    async with connected(url) as connection:
        await connection.execute("INSERT INTO schema_migrations VALUES (99, '0099_x.sql', '', '9.0')")
    await back_up(Address(dsn=url), tmp_path / "newer.dump", embedded=False)
    with pytest.raises(SchemaTooNew, match="has schema 99"):
        await restore(Address(dsn=empty), tmp_path / "newer.dump", embedded=False)


async def test_a_file_that_is_there_is_replaced_only_when_that_is_said(
    database: PostgresDatabase, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.dump"
    file.write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        await back_up(Address(dsn=url), file, embedded=False)
    assert file.read_text() == "precious"
    await back_up(Address(dsn=url), file, embedded=False, replace=True)
    assert file.read_bytes().startswith(b"PGDMP")
    with pytest.raises(UsageError, match="no folder"):
        await back_up(Address(dsn=url), tmp_path / "nowhere" / "x.dump", embedded=False)


def test_programs_of_another_release_are_refused_with_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"PostgreSQL 9.*install postgresql-client-9"):
        client_tools(Address(dsn="postgresql://x"), server_major=9, embedded=False)


def test_a_password_is_no_argument() -> None:
    tools = client_tools(Address(dsn="postgresql://me@x/y", password="canary"), server_major=18, embedded=False)
    assert not any("canary" in word for word in tools.command("pg_dump"))
    assert tools.environment()["PGPASSWORD"] == "canary"


def test_a_step_that_touches_rows_is_known_by_its_text(tmp_path: Path) -> None:
    texts = {
        "0001_a.sql": "CREATE TABLE a (x integer);",
        "0002_b.sql": "UPDATE a SET x = 1;",
        "0003_c.sql": "-- DELETE FROM a\nCREATE TABLE c (x text DEFAULT 'insert into');",
        "0004_d.sql": "ALTER TABLE a ALTER COLUMN x TYPE bigint;",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert changing_data(0, tmp_path) == ("0002_b.sql", "0004_d.sql")
    assert changing_data(2, tmp_path) == ("0004_d.sql",)
