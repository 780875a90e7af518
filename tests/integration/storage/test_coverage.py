"""The ledger on a real PostgreSQL: what it reads, how small it stays, and what becomes of an older one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.errors import FatalError
from alphaplus_tui.ports.store import Batch, GapRecord
from alphaplus_tui.storage.coverage_reader import COVERAGE
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.migrate import FOLDER, migrate, migrations
from tests.integration.storage.server import connected, database_at

NOON = 1_733_054_400 * SECOND_NS
"""2024-12-01 12:00 UTC."""
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
DAY = datetime(2024, 12, 1, tzinfo=UTC)
FOREVER = 4_000_000_000 * SECOND_NS


def trade(seq: int, origin: Provenance = Provenance.LIVE) -> Trade:
    ts = NOON + seq * SECOND_NS
    return Trade(BTC.id, str(seq), seq, 100.0, 1.0, Side.BUY, ts, ts, origin)


async def covered(database: PostgresDatabase) -> list[tuple[int, int, str]]:
    rows = await database.reader.coverage([], start=0, end=FOREVER, limit=10_000)
    return [(row.first_seq, row.last_seq, row.cover.value) for row in rows]


async def test_the_map_is_answered_from_the_ledger_alone(database: PostgresDatabase, url: str) -> None:
    """However many trades there are: the plan names no other table, so their number cannot matter."""
    await database.writer.register([BTC])
    gap = GapRecord(BTC.id, 3, 4, 2, "gone", NOON, NOON, trade(2).ts_event, trade(5).ts_event)
    await database.writer.write(Batch(trades=tuple(trade(seq) for seq in (1, 2, 5)), gaps=(gap,)))

    def relations(plan: dict[str, Any]) -> set[str]:
        found = {plan["Relation Name"]} if "Relation Name" in plan else set[str]()
        return found.union(*(relations(below) for below in plan.get("Plans", [])))

    async with connected(url) as connection:
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {COVERAGE}", [], DAY, DAY + timedelta(days=1), 100)
    assert relations(json.loads(text)[0]["Plan"]) == {"coverage"}


async def test_the_ledger_stays_small_however_the_trades_come(database: PostgresDatabase) -> None:
    rng, order = Random(5), list(range(1, 3_001))
    await database.writer.register([BTC])
    for start in range(0, len(order), 500):
        some = order[start : start + 500]
        rng.shuffle(some)
        for at in range(0, len(some), 20):
            await database.writer.write(Batch(trades=tuple(trade(seq) for seq in some[at : at + 20])))
    assert await covered(database) == [(1, 3_000, "live")]


async def test_a_batch_that_cannot_be_stored_covers_nothing(database: PostgresDatabase) -> None:
    await database.writer.register([BTC])
    await database.writer.write(Batch(trades=(trade(1), trade(2))))
    absurd = structs.replace(trade(3), price=float("nan"))
    with pytest.raises(FatalError):
        await database.writer.write(Batch(trades=(trade(4), absurd)))
    assert await covered(database) == [(1, 2, "live")]
    await database.writer.write(Batch(trades=(trade(3),)))
    assert await covered(database) == [(1, 3, "live")]


async def test_two_writers_keep_one_ledger(url: str, tmp_path: Path) -> None:
    async with database_at(url, tmp_path) as one, database_at(url, tmp_path) as other:
        await one.connect()
        await other.connect()
        await one.writer.register([BTC])
        for seq in range(1, 41):
            store = one if seq % 3 else other
            await store.writer.write(Batch(trades=(trade(seq),)))
        assert await covered(one) == [(1, 40, "live")]


async def test_gaps_of_a_ledger_made_before_are_kept_and_closed_ones_are_not(url: str, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for step in migrations():
        if step.version < 5:
            (older / step.file).write_text(step.sql)
    async with connected(url) as connection:
        await migrate(connection, older)
        await connection.execute(
            "INSERT INTO instruments (exchange, symbol, venue_symbol, base, quote, price_step, quantity_step) "
            "VALUES ('binance', 'BTC/USDT', 'BTCUSDT', 'BTC', 'USDT', 0.01, 0.00001)"
        )
        for first, missing in ((10, 3), (20, 0)):
            await connection.execute(
                "INSERT INTO coverage VALUES (1, 'trades', $1::bigint, $1::bigint + 4, $2, 'gone', now(), now())",
                first,
                missing,
            )
        await connection.execute(
            "CREATE TABLE candles_2024 PARTITION OF candles FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
        )
        for minute in (0, 1, 2, 5):
            await connection.execute(
                "INSERT INTO candles VALUES (timestamptz '2024-12-01 12:00Z' + $1 * interval '1 minute', "
                "1, 1, 1, 1, 1, NULL, NULL, 1, 0, 'live', true, '1m')",
                minute,
            )
        await migrate(connection, FOLDER)
    async with database_at(url, tmp_path) as database:
        await database.connect()
        (gap,) = await database.reader.open_gaps()
        assert (gap.instrument, gap.first_seq, gap.last_seq, gap.missing, gap.reason) == (BTC.id, 10, 14, 3, "gone")
        minutes = NOON // SECOND_NS // 60
        assert (await covered(database))[1:] == [(minutes, minutes + 2, "live"), (minutes + 5, minutes + 5, "live")]
