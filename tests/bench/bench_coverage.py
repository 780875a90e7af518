"""What the map of what is stored costs to ask for beside many trades, and what it adds to the writing of them."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import asyncpg

from alphaplus_tui.api.app import create_app
from alphaplus_tui.api.server import ApiServer
from alphaplus_tui.cli.coverage import describe
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Side, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, SECOND_NS
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.runtime.local_session import LocalSession
from alphaplus_tui.services.stored_coverage import coverage_map
from alphaplus_tui.session.queries import CoverageMap
from alphaplus_tui.settings.api import ApiSettings
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.storage.database import PostgresDatabase

DAYS = 30
NOON = 1_733_054_400 * SECOND_NS
NOW = NOON + DAYS * DAY_NS
EVER = NOW + DAY_NS
INSTRUMENTS = [Instrument("bench", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.001) for n in range(500)]
ASKED = 100
TOKEN = "bench"

_FILL = """
INSERT INTO trades (ts, seq, price, quantity, ts_recv, instrument_id, sub_ms_ns, side, provenance, trade_id)
SELECT date_trunc('milliseconds', timestamptz '2024-12-01 12:00Z' + n * ($3 * interval '1 second')), n, 100, 1, now(),
       1 + n % 500, 0, 'buy', 'live', n::text
FROM generate_series($1::bigint, $2::bigint) AS n
"""
_AT_ONCE = 1_000_000

# of each instrument's trades and two timeframes: a month that was imported, then a day in 4 to 12 stretches, live and
# fetched by turns, with a gap behind every third
_LEDGER = """
WITH series AS (
    SELECT i.id, t.timeframe, CASE t.timeframe WHEN '' THEN 'trades' ELSE 'candles' END AS kind, 4 + i.id % 9 AS pieces
    FROM instruments AS i, unnest(ARRAY['', '1m', '5m']) AS t (timeframe)
), pieces AS (
    SELECT *, n % 3 = 2 AS broken, timestamptz '2024-12-30 12:00Z' + n * (interval '1 day' / pieces) AS begins,
           timestamptz '2024-12-30 12:00Z' + (n + 1) * (interval '1 day' / pieces) AS ends
    FROM series, generate_series(0, pieces - 1) AS n
)
INSERT INTO coverage (instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq, missing, reason,
                      noticed_at, changed_at)
SELECT id, kind, timeframe, 'imported', timestamptz '2024-12-01 12:00Z', timestamptz '2024-12-30 12:00Z', 0, 0, 0, '',
       NULL::timestamptz, NULL::timestamptz
FROM series
UNION ALL
SELECT id, kind, timeframe, CASE n % 2 WHEN 0 THEN 'live' ELSE 'backfilled' END, begins,
       ends - CASE WHEN broken THEN interval '1 minute' ELSE interval '0' END, n * 10000 + 1,
       n * 10000 + CASE WHEN broken THEN 9990 ELSE 10000 END, 0, '', NULL, NULL
FROM pieces
UNION ALL
SELECT id, kind, timeframe, 'gap', ends - interval '1 minute', ends, n * 10000 + 9991, n * 10000 + 10000, 10,
       'the exchange does not serve them', ends, ends
FROM pieces WHERE broken
"""


async def main(rows: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home, meters = Path(folder), Meters()
        database = PostgresDatabase(
            DatabaseSettings(statement_timeout_s=600),
            data_dir=home / "database",
            runtime_dir=home,
            clock=SystemClock(),
            meters=meters,
        )
        async with database:
            await database.connect()
            await database.writer.register(INSTRUMENTS)
            began = time.perf_counter()
            await _fill(database, rows)
            size = (await database.reader.statistics()).rows
            print(f"{rows:,} trades in {time.perf_counter() - began:,.0f} s, {size['coverage']:,} stretches and gaps")
            session = LocalSession(StateStore(), home / "log")
            session.open(ServiceManager([], clock=SystemClock()), database.reader, ManualMarketClock(NOW))
            await _questions(database, session)
            await _api(session)
            await _writing(database)
    return 0


async def _fill(database: PostgresDatabase, rows: int) -> None:
    """Straight into the tables: what is written is not the subject here, only what is asked."""
    first = tuple(_trade(0, 10**9 + day, NOON + day * DAY_NS) for day in range(DAYS + 1))
    await database.writer.write(Batch(trades=first))  # makes the partitions
    connection = await asyncpg.connect(host=str(database.socket_dir), user="alphaplus", database="alphaplus")
    try:
        for begin in range(0, rows, _AT_ONCE):
            end = min(rows, begin + _AT_ONCE) - 1
            await connection.execute(_FILL, begin, end, DAYS * 86_400 / rows, timeout=600)
        await connection.execute("TRUNCATE coverage")
        await connection.execute(_LEDGER)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _questions(database: PostgresDatabase, session: LocalSession) -> None:
    reader, one = database.reader, INSTRUMENTS[7].id

    async def command(limit: int) -> None:
        list(describe(await coverage_map(reader, (), start=0, end=EVER, limit=limit)))

    await _time("the panel: the last day", lambda: session.ask(CoverageMap(start=NOW - DAY_NS)))
    await _time("the panel: one instrument", lambda: session.ask(CoverageMap(one, start=NOW - DAY_NS)))
    await _time("the command's question", lambda: coverage_map(reader, (), start=0, end=EVER, limit=1_001))
    await _time("the command's question and its words", lambda: command(1_001))
    await _time("the same with --limit 100000", lambda: command(100_000), asked=10)
    await _time("gaps that are open", reader.open_gaps)


async def _api(session: LocalSession) -> None:
    settings = ApiSettings(port=0)
    app = create_app(session, token=TOKEN, settings=settings, clock=time.monotonic, time_ns=lambda: NOW)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ApiServer(app, host=settings.host, port=0) as server, aiohttp.ClientSession(headers=headers) as http:

        async def page(parameters: str) -> str:
            async with http.get(f"{server.url}/api/v1/coverage/map{parameters}") as answer:
                answer.raise_for_status()
                found = await answer.json()
                return str(found["next"])

        await _time("the API: the first 100", lambda: page(""))
        middle = f"{NOON}.0.1m.{INSTRUMENTS[250].id}"
        await _time("the API: 100 from the middle", lambda: page(f"?after={middle}"))
        await _time("the API: 1,000", lambda: page("?limit=1000"))


async def _writing(database: PostgresDatabase) -> None:
    """A batch of a tenth of a second: one trade of each of 50 instruments, which follows the last."""
    took: list[float] = []
    for seq in range(200_000, 200_300):
        batch = Batch(trades=tuple(_trade(i, seq, NOW + (seq - 200_000) * SECOND_NS) for i in range(50)))
        started = time.perf_counter()
        await database.writer.write(batch)
        took.append(time.perf_counter() - started)
    _tell("a batch of 50 trades and its 50 stretches", took[20:])


def _trade(which: int, seq: int, ts: int) -> Trade:
    return Trade(INSTRUMENTS[which].id, f"x{seq}", seq, 100.0, 0.25, Side.BUY, ts, ts)


async def _time(name: str, question: Callable[[], Awaitable[object]], *, asked: int = ASKED) -> None:
    took: list[float] = []
    await question()
    for _ in range(asked):
        started = time.perf_counter()
        await question()
        took.append(time.perf_counter() - started)
    _tell(name, took)


def _tell(name: str, took: list[float]) -> None:
    ordered = sorted(took)
    p50, p99 = (1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99))
    print(f"  {name:<42} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_coverage", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="trades beside the ledger (%(default)s)")
    sys.exit(asyncio.run(main(parser.parse_args().rows)))
