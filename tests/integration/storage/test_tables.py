"""Migrations, partitions, retention and errors on a real PostgreSQL by URL."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.errors import DeadlineExceeded, FatalError, SchemaTooNew, StoreUnavailable
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.migrate import migrate, migrations
from alphaplus_tui.storage.pool import Address, Pool
from tests.integration.storage.server import connected, database_at

NOON = 1_733_054_400 * SECOND_NS
"""2024-12-01 12:00 UTC."""
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)


def trade(seq: int, *, day: int = 0, origin: Provenance = Provenance.LIVE) -> Trade:
    ts = NOON + day * DAY_NS + seq * SECOND_NS
    return Trade(BTC.id, str(seq), seq, 100.0, 1.0, Side.BUY, ts, ts, origin)


async def partitions(url: str, table: str) -> list[str]:
    async with connected(url) as connection:
        rows = await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::text::regclass", table
        )
    return sorted(row["name"] for row in rows)


class TestMigrations:
    async def test_they_are_applied_once_and_by_one_at_a_time(self, url: str, tmp_path: Path) -> None:
        databases = [database_at(url, tmp_path) for _ in range(3)]
        versions = await asyncio.gather(*(database.migrate() for database in databases))
        assert versions == [migrations()[-1].version] * 3
        async with connected(url) as connection:
            applied = await connection.fetchval("SELECT count(*) FROM schema_migrations")
        assert applied == len(migrations())
        for database in databases:
            await database.close()

    async def test_a_newer_schema_is_refused_with_both_versions(self, url: str, tmp_path: Path) -> None:
        async with database_at(url, tmp_path) as database:
            await database.migrate()
            async with connected(url) as connection:
                await connection.execute("INSERT INTO schema_migrations VALUES (99, '0099_x.sql', '', '9.0')")
            with pytest.raises(SchemaTooNew, match=f"schema 99.*up to {migrations()[-1].version}"):
                await database.migrate()

    async def test_a_migration_whose_text_changed_is_refused(self, url: str, tmp_path: Path) -> None:
        async with database_at(url, tmp_path) as database:
            await database.migrate()
            async with connected(url) as connection:
                await connection.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
            with pytest.raises(FatalError, match=r"0001_ground\.sql"):
                await database.migrate()

    async def test_one_that_breaks_in_the_middle_leaves_nothing_and_can_be_run_again(
        self, url: str, tmp_path: Path
    ) -> None:
        _write(tmp_path / "0001_a.sql", "CREATE TABLE first (x integer)")
        _write(tmp_path / "0002_b.sql", "CREATE TABLE second (x integer); SELECT 1 / 0")
        async with connected(url) as connection:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await migrate(connection, tmp_path)
            assert await connection.fetchval("SELECT to_regclass('first')") is None
            _write(tmp_path / "0002_b.sql", "CREATE TABLE second (x integer)")
            assert await migrate(connection, tmp_path) == 2
            assert await connection.fetchval("SELECT to_regclass('second')::text") == "second"

    async def test_statistics_work_before_the_tables_are_there(self, url: str, tmp_path: Path) -> None:
        async with database_at(url, tmp_path) as database:
            await database.connect(migrate=False)
            found = await database.statistics()
            assert (found.kind, found.schema_version, found.rows) == ("postgresql", 0, {})
            with pytest.raises(StoreUnavailable, match="migrate"):
                await database.reader.open_gaps()

    def test_each_step_is_one_file(self) -> None:
        steps = migrations()
        assert [step.version for step in steps] == list(range(1, len(steps) + 1))


class TestPartitions:
    async def test_those_of_the_days_in_a_batch_and_of_the_day_after_are_made(
        self, database: PostgresDatabase, url: str
    ) -> None:
        await database.writer.register([BTC])
        await database.writer.write(Batch(trades=(trade(1, day=-400), trade(2))))
        assert await partitions(url, "trades") == ["trades_20231028", "trades_20241201", "trades_20241202"]

    async def test_two_writers_may_need_the_same_new_one_at_once(self, url: str, tmp_path: Path) -> None:
        async with database_at(url, tmp_path) as one, database_at(url, tmp_path) as other:
            await one.connect()
            await other.connect()
            await one.writer.register([BTC])
            days = range(12)
            await asyncio.gather(
                *(store.writer.write(Batch(trades=(trade(n, day=n),))) for n in days for store in (one, other))
            )
            found = await one.reader.trades(BTC.id, start=0, end=2 * NOON, limit=100)
            assert [t.seq for t in found] == list(days)

    async def test_retention_drops_them_whole_but_keeps_those_with_imported_rows(
        self, database: PostgresDatabase, url: str
    ) -> None:
        await database.writer.register([BTC])
        old = (trade(1, day=-40), trade(2, day=-39), trade(3, day=-39, origin=Provenance.IMPORTED), trade(4))
        await database.writer.write(Batch(trades=old))
        await database.writer.prune(NOON, trades_days=30, candles_days=0)
        assert await partitions(url, "trades") == ["trades_20241023", "trades_20241201", "trades_20241202"]

    async def test_one_that_another_process_dropped_is_made_again(self, database: PostgresDatabase, url: str) -> None:
        await database.writer.register([BTC])
        await database.writer.write(Batch(trades=(trade(1),)))
        async with connected(url) as connection:
            await connection.execute("DROP TABLE trades_20241201")
        assert (await database.writer.write(Batch(trades=(trade(2),)))).rows == {"trades": 1}

    async def test_a_page_of_trades_is_read_from_one_index_without_sorting_a_day(
        self, database: PostgresDatabase, url: str
    ) -> None:
        await database.writer.register([BTC])
        await database.writer.write(Batch(trades=tuple(trade(n) for n in range(3000))))
        async with connected(url) as connection:
            await connection.execute("ANALYZE trades")
            plan = await connection.fetch(
                "EXPLAIN SELECT * FROM trades WHERE instrument_id = 1 AND ts >= '2024-12-01' AND ts < '2024-12-02' "
                "ORDER BY ts, seq LIMIT 100"
            )
        text = "\n".join(row[0] for row in plan)
        assert "Index Scan using trades_20241201" in text
        assert "Incremental Sort" in text


class TestWriting:
    async def test_two_writers_of_the_same_trades_store_them_once(self, url: str, tmp_path: Path) -> None:
        async with database_at(url, tmp_path) as one, database_at(url, tmp_path) as other:
            await one.connect()
            await other.connect()
            await one.writer.register([BTC])
            batches = [Batch(trades=tuple(trade(n) for n in range(k * 100, k * 100 + 150))) for k in range(10)]
            written = await asyncio.gather(*(store.writer.write(b) for b in batches for store in (one, other)))
            assert sum(w.rows["trades"] for w in written) == 1050
            assert sum(w.duplicates["trades"] for w in written) == 2 * 1500 - 1050

    async def test_trade_ids_of_any_length_and_script_come_back(self, database: PostgresDatabase) -> None:
        await database.writer.register([BTC])
        ids = ["1", "99999", "7f3a-uuid-like-0000", "ünï→", "x" * 300]
        sent = tuple(structs.replace(trade(n), trade_id=name, side=Side.SELL) for n, name in enumerate(ids))
        await database.writer.write(Batch(trades=sent))
        assert await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=9) == sent

    @pytest.mark.parametrize("change", [{"trade_id": "a\0b"}, {"seq": 2**63}, {"trade_id": "\ud800"}])
    async def test_a_trade_that_can_never_be_stored_is_fatal_and_the_next_batch_is_not(
        self, database: PostgresDatabase, change: dict[str, int | str]
    ) -> None:
        await database.writer.register([BTC])
        with pytest.raises(FatalError, match="cannot be stored"):
            await database.writer.write(Batch(trades=(structs.replace(trade(1), **change),)))
        assert (await database.writer.write(Batch(trades=(trade(2),)))).rows == {"trades": 1}

    async def test_instruments_of_an_earlier_run_need_no_registering(self, url: str, tmp_path: Path) -> None:
        for n in range(2):
            async with database_at(url, tmp_path) as database:
                await database.connect()
                if n == 0:
                    await database.writer.register([BTC])
                assert (await database.writer.write(Batch(trades=(trade(n),)))).rows == {"trades": 1}

    async def test_ten_thousand_candles_go_in_one_batch(self, database: PostgresDatabase) -> None:
        await database.writer.register([BTC])
        m1 = Timeframe("1m")
        many = tuple(
            Candle(BTC.id, m1, NOON + n * MINUTE_NS, 1.0, 2.0, 0.5, 1.5, 3.0, provenance=Provenance.BACKFILLED)
            for n in range(10_000)
        )
        assert (await database.writer.write(Batch(candles=many))).rows == {"candles": 10_000}
        assert await database.reader.candles(BTC.id, m1, start=0, end=2 * NOON, limit=500) == many[-500:]

    async def test_each_query_is_measured(self, url: str, tmp_path: Path) -> None:
        meters = Meters()
        async with database_at(url, tmp_path, meters=meters) as database:
            await database.connect()
            await database.reader.candles(BTC.id, Timeframe("1m"), start=0, end=1, limit=1)
            await database.reader.open_gaps()
        seen = {dict(reading.labels)["query"]: reading.count for reading in meters.snapshot().histograms}
        assert (seen["candles"], seen["open_gaps"]) == (1, 1)


class TestWhatGoesWrong:
    async def test_a_database_that_does_not_exist_is_fatal_and_says_what_to_do(self, url: str, tmp_path: Path) -> None:
        async with database_at(url.replace("/test_", "/nothing_"), tmp_path) as database:
            with pytest.raises(FatalError, match=r"does not exist.*create the database"):
                await database.connect()

    async def test_a_user_who_may_not_come_in_is_fatal(self, url: str, tmp_path: Path) -> None:
        async with database_at(url.replace("alphaplus@", "stranger@"), tmp_path) as database:
            with pytest.raises(FatalError, match="stranger"):
                await database.connect()

    async def test_a_query_beyond_its_deadline_is_ended_and_the_pool_goes_on(self, url: str) -> None:
        pool = Pool("test", size=1, clock=SystemClock(), session={})
        pool.open(Address(dsn=url))
        with pytest.raises(DeadlineExceeded):
            async with pool.connection(deadline_s=0.2) as connection:
                await connection.execute("SELECT pg_sleep(30)")
        async with pool.connection(deadline_s=5) as connection:
            assert await connection.fetchval("SELECT 7") == 7
        await pool.close()

    async def test_waiting_for_a_connection_has_a_deadline_too(self, url: str) -> None:
        pool = Pool("test", size=1, clock=SystemClock(), session={})
        pool.open(Address(dsn=url))
        async with pool.connection(deadline_s=10):
            with pytest.raises(DeadlineExceeded):
                async with pool.connection(deadline_s=0.2):
                    pytest.fail("there was a second connection")
        await pool.close()

    async def test_after_several_failures_callers_are_turned_away_at_once(self, tmp_path: Path) -> None:
        pool = Pool("test", size=1, clock=SystemClock(), session={})
        pool.open(Address(host=str(tmp_path), user="nobody", database="none"))
        said: list[str] = []
        for _ in range(4):
            with pytest.raises(StoreUnavailable) as caught:
                async with pool.connection(deadline_s=2):
                    pytest.fail("there was a connection")
            said.append(str(caught.value))
        assert "too many failures" in said[-1]
        assert "too many failures" not in said[0]
        await pool.close()

    def test_a_password_is_not_shown_with_its_address(self) -> None:
        assert "hunter2" not in repr(Address(dsn="postgresql://a@b/c", password="hunter2"))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
