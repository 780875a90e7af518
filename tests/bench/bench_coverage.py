"""What the map of what is stored costs to ask for beside many trades, and what it adds to the writing of them."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Side, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, SECOND_NS
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch, GapRecord
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.database import PostgresDatabase

NOON = 1_733_054_400 * SECOND_NS
INSTRUMENTS = [Instrument("bench", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.001) for n in range(50)]
STRETCHES = 200
"""Of each instrument, with a gap between every two."""
ASKED = 30
_FILL = """
INSERT INTO trades (ts, seq, price, quantity, ts_recv, instrument_id, sub_ms_ns, side, provenance, trade_id)
SELECT timestamptz '2024-12-01 12:00Z' + n * interval '1 millisecond', n, 100, 1, now(), 1 + n % 50, 0, 'buy', 'live',
       n::text
FROM generate_series($1::bigint, $2::bigint) AS n
"""
_AT_ONCE = 1_000_000


async def main(rows: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = PostgresDatabase(
            DatabaseSettings(statement_timeout_s=600),
            data_dir=home / "database",
            runtime_dir=home,
            clock=SystemClock(),
            meters=Meters(),
        )
        async with database:
            await database.connect()
            await database.writer.register(INSTRUMENTS)
            await _fill(database, rows)
            await _stretches(database)
            size = (await database.reader.statistics()).rows
            print(f"{size['trades']:,} trades (about), {size['coverage']:,} stretches and gaps of 50 instruments")
            reader, everything = database.reader, {"start": 0, "end": NOON + 400 * DAY_NS}
            await _time("all of them", lambda: reader.coverage([], **everything, limit=100_000))
            await _time("the newest 10,000", lambda: reader.coverage([], **everything, limit=10_000))
            await _time("one instrument", lambda: reader.coverage([INSTRUMENTS[7].id], **everything, limit=10_000))
            await _time("gaps that are open", reader.open_gaps)
            await _writing(database)
    return 0


async def _fill(database: PostgresDatabase, rows: int) -> None:
    """Straight into the table: the ledger is not the subject here, only what lies beside it."""
    days = range(rows // 86_400_000 + 2)
    await database.writer.write(Batch(trades=tuple(_trade(0, 10**9 + day, NOON + day * DAY_NS) for day in days)))
    connection = await asyncpg.connect(host=str(database.socket_dir), user="alphaplus", database="alphaplus")
    try:
        for first in range(0, rows, _AT_ONCE):
            await connection.execute(_FILL, first, min(rows, first + _AT_ONCE) - 1)
    finally:
        await connection.close()


async def _stretches(database: PostgresDatabase) -> None:
    for number in range(STRETCHES):
        trades = [_trade(i, n, NOON + n * SECOND_NS) for i in range(50) for n in (number * 10 + 1, number * 10 + 2)]
        gaps = [
            GapRecord(instrument.id, number * 10 + 3, number * 10 + 10, 8, "gone", NOON, NOON, NOON + number, NOON)
            for instrument in INSTRUMENTS
        ]
        await database.writer.write(Batch(trades=tuple(trades), gaps=tuple(gaps)))


async def _writing(database: PostgresDatabase) -> None:
    """A batch of a tenth of a second: one trade of each instrument, which follows the last."""
    took: list[float] = []
    for seq in range(20_000, 20_300):
        batch = Batch(trades=tuple(_trade(i, seq, NOON + seq * SECOND_NS) for i in range(50)))
        started = time.perf_counter()
        await database.writer.write(batch)
        took.append(time.perf_counter() - started)
    _tell("a batch of 50 trades and its 50 stretches", took[20:])


def _trade(which: int, seq: int, ts: int) -> Trade:
    return Trade(INSTRUMENTS[which].id, f"x{seq}", seq, 100.0, 0.25, Side.BUY, ts, ts)


async def _time(name: str, question: Callable[[], Awaitable[object]]) -> None:
    took: list[float] = []
    for _ in range(ASKED):
        started = time.perf_counter()
        await question()
        took.append(time.perf_counter() - started)
    _tell(name, took)


def _tell(name: str, took: list[float]) -> None:
    print(f"  {name:<42} median {1e3 * statistics.median(took):7.2f} ms   worst {1e3 * max(took):7.2f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_coverage", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="trades beside the ledger (%(default)s)")
    sys.exit(asyncio.run(main(parser.parse_args().rows)))
