"""Rows per second into PostgreSQL, ours beside psql's binary copy into the same table; and what questions take."""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import asyncpg

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.copy import COLUMNS, encode
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.launch import binaries

NOON = 1_733_054_400 * SECOND_NS
INSTRUMENTS = [Instrument("bench", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.001) for n in range(50)]
M1 = Timeframe("1m")


def made_trades(count: int, *, start: int, first_seq: int, step_ns: int = 500_000) -> list[Trade]:
    """Trades of all instruments in turn by a random choice, each with its own running number."""
    random = Random(first_seq)
    seqs = [first_seq] * len(INSTRUMENTS)
    trades: list[Trade] = []
    for n in range(count):
        which = random.randrange(len(INSTRUMENTS))
        seqs[which] += 1
        side = Side.BUY if random.random() < 0.5 else Side.SELL
        ts = start + n * step_ns
        price = 100.0 + which + n % 997 / 100
        trades.append(
            Trade(INSTRUMENTS[which].id, str(seqs[which]), seqs[which], price, 0.25, side, ts, ts + 5_000_000)
        )
    return trades


def encoded(trades: list[Trade], file: Path) -> None:
    number = {instrument.id: n for n, instrument in enumerate(INSTRUMENTS, 1)}
    file.write_bytes(encode(trades, number.__getitem__))


def psql_copy(database: PostgresDatabase, file: Path) -> float:
    words = f"\\copy trades ({', '.join(COLUMNS)}) from '{file}' with (format binary)"
    command = [binaries() / "psql", "-h", str(database.socket_dir), "-U", "alphaplus", "-X", "-q", "-c", words]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


async def compare(database: PostgresDatabase, folder: Path, rows: int, at_once: int, rounds: int) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(rounds):
        for who in ("ours", "psql"):
            day = turn * 2 + (who == "psql")
            trades = made_trades(rows, start=NOON + day * DAY_NS, first_seq=10_000_000)
            await database.writer.write(Batch(trades=tuple(made_trades(1, start=NOON + day * DAY_NS, first_seq=1))))
            if who == "ours":
                batches = [Batch(trades=tuple(trades[n : n + at_once])) for n in range(0, rows, at_once)]
                started = time.perf_counter()
                for batch in batches:
                    await database.writer.write(batch)
                ours.append(rows / (time.perf_counter() - started))
            else:
                files = [folder / f"{n}.copy" for n in range(0, rows, at_once)]
                for n, file in enumerate(files):
                    encoded(trades[n * at_once : (n + 1) * at_once], file)
                theirs.append(rows / sum([psql_copy(database, file) for file in files]))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(f"{rows:,} trades in batches of {at_once:,}, median of {rounds} rounds side by side")
    print(f"  our writer   {statistics.median(ours):12,.0f} rows/s")
    print(f"  psql \\copy   {statistics.median(theirs):12,.0f} rows/s")
    print(f"  ratio        {statistics.median(ratios):12.2f}")


async def duplicates(database: PostgresDatabase, rows: int) -> None:
    trades = tuple(made_trades(rows, start=NOON, first_seq=10_000_000))
    started = time.perf_counter()
    written = await database.writer.write(Batch(trades=trades))
    took = time.perf_counter() - started
    print(f"{written.duplicates['trades']:,} duplicates again: {rows / took:,.0f} rows/s")


async def history(database: PostgresDatabase, rows: int) -> None:
    """Thirty days of trades, made where they are stored."""
    await database.writer.write(
        Batch(trades=tuple(made_trades(1, start=NOON - day * DAY_NS, first_seq=1)[0] for day in range(30)))
    )
    connection = await asyncpg.connect(host=str(database.socket_dir), user="alphaplus", database="alphaplus")
    await connection.execute(
        "INSERT INTO trades SELECT date_trunc('milliseconds', to_timestamp($1::float8 - n * $2::float8)), "
        "5000000 - n, 100 + n % 997, 1, to_timestamp($1::float8 - n * $2::float8), 1 + n % $3::integer, 0, "
        "'buy', 'live', (5000000 - n)::text FROM generate_series(1, $4::integer) AS n",
        NOON / SECOND_NS - 3600.0,
        29 * 86_400 / rows,
        len(INSTRUMENTS),
        rows,
    )
    await connection.execute("VACUUM ANALYZE trades")
    await connection.close()
    print(f"{(await database.statistics()).rows['trades']:,} trades stored, {rows:,} of them in the 29 days before")


async def questions(database: PostgresDatabase, rounds: int) -> None:
    first = INSTRUMENTS[0].id
    candles = tuple(
        Candle(i.id, M1, NOON + n * MINUTE_NS, 1.0, 2.0, 0.5, 1.5, 10.0, 5, 4.0)
        for i in INSTRUMENTS
        for n in range(2000)
    )
    started = time.perf_counter()
    await database.writer.write(Batch(candles=candles))
    print(f"{len(candles):,} candles written: {len(candles) / (time.perf_counter() - started):,.0f} rows/s")
    reader = database.reader
    place = (await reader.trades(first, start=NOON, end=NOON + DAY_NS, limit=500))[-1].seq
    until = NOON + 400 * DAY_NS
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "500 newest candles": lambda: reader.candles(first, M1, start=0, end=until, limit=500),
        "100 trades from a moment on": lambda: reader.trades(first, start=NOON + 60 * SECOND_NS, end=until, limit=100),
        "100 trades of 10 days ago": lambda: reader.trades(first, start=NOON - 10 * DAY_NS, end=until, limit=100),
        "the next 100": lambda: reader.trades(first, start=NOON, end=until, limit=100, after_seq=place),
        "last trade of 50 instruments": lambda: reader.last_trades([i.id for i in INSTRUMENTS]),
        "statistics": reader.statistics,
        "ping": reader.ping,
    }
    for name, ask in questions.items():
        times: list[float] = []
        for _ in range(rounds):
            started = time.perf_counter()
            await ask()
            times.append((time.perf_counter() - started) * 1000)
        times.sort()
        print(f"  {name:30} p50 {statistics.median(times):7.2f} ms   p99 {times[int(0.99 * len(times))]:7.2f} ms")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--at-once", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--history", type=int, default=0, help="rows of 30 days before, to ask questions of")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    database = PostgresDatabase(
        DatabaseSettings(), data_dir=folder / "db", runtime_dir=folder, clock=SystemClock(), meters=Meters()
    )
    try:
        async with database:
            await database.connect()
            await database.writer.register(INSTRUMENTS)
            await compare(database, folder, arguments.rows, arguments.at_once, arguments.rounds)
            await duplicates(database, arguments.rows)
            if arguments.history:
                await history(database, arguments.history)
            await questions(database, 200)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
