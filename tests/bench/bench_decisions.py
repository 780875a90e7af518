"""How long decisions of 50 instruments take from being told to being stored, and what questions about them take."""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from msgspec import structs

from alphaplus_tui.domain.analysis import (
    Decision,
    Direction,
    EngineOpinion,
    Outcome,
    Prediction,
    Probabilities,
    Result,
    Role,
)
from alphaplus_tui.domain.events import DecisionMade, InstrumentsKnown, OutcomeKnown
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.services.opinions import OpinionsService
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.spool import FileSpool

NOON = 1_733_054_400 * 1_000_000_000
INSTRUMENTS = [Instrument("bench", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.001) for n in range(50)]
FEATURES = 60


def decisions(candle: int, random: Random) -> list[Decision]:
    """Of all instruments, by champion and challenger."""
    odds = Probabilities(0.3, 0.3, 0.4)
    engines = tuple(EngineOpinion(name, odds) for name in ("xgboost", "lightgbm", "catboost"))
    opened = NOON + 5 * candle * MINUTE_NS
    features = tuple(random.random() for _ in range(FEATURES))
    made: list[Decision] = []
    for instrument in INSTRUMENTS:
        prediction = Prediction(
            instrument.id, Timeframe("5m"), opened, 0, "m1", odds, engines, features, (), (), 0.004, 100.0
        )
        champion = Decision(
            f"{instrument.base}-{candle}",
            Role.CHAMPION,
            prediction,
            opened + 300_000_000_000,
            Direction.FLAT,
            "expected value",
            "worth -3.1 bps, 0 wanted",
            ("edge", "fresh data", "whole window"),
            Direction.LONG,
            -3.1,
            1.0,
            0.1,
            101.0,
            99.0,
            opened + 24 * 300_000_000_000,
        )
        made += [champion, structs.replace(champion, id=f"{champion.id}-shadow", role=Role.CHALLENGER)]
    return made


async def stored(database: PostgresDatabase, folder: Path, candles: int) -> None:
    clock, bus = SystemClock(), Bus()
    service = OpinionsService(
        database.writer,
        database.reader,
        FileSpool(folder / "spool", max_bytes=1 << 40, clock=clock),
        bus,
        registry=tuple,
        clock=clock,
        market=WallMarketClock(),
        meters=Meters(),
    )
    running = asyncio.create_task(service.run(Life("opinions", clock)))
    bus.publish(InstrumentsKnown(tuple(INSTRUMENTS)))
    await service.settled()
    random, times = Random(7), list[float]()
    for candle in range(candles):
        some = decisions(candle, random)
        started = time.perf_counter()
        for decision in some:
            bus.publish(DecisionMade(decision))
        await service.settled()
        times.append((time.perf_counter() - started) * 1000)
        for decision in some:
            bus.publish(OutcomeKnown(Outcome(decision.id, Result.STOP, NOON, 99.0, -30.0, "down", brier=0.8)))
        await service.settled()
    told("100 decisions (50 instruments, 2 roles)", times)
    running.cancel()
    await asyncio.wait({running})


async def asked(database: PostgresDatabase, candles: int, rounds: int) -> None:
    reader, first = database.reader, INSTRUMENTS[0].id
    middle, end = NOON + 5 * (candles // 2) * MINUTE_NS, NOON + 5 * (candles + 9) * MINUTE_NS
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "the decision at a moment": lambda: reader.decision_at(first, middle),
        "200 newest decisions": lambda: reader.decisions(None, before=end, limit=200),
        "200 newest of one instrument": lambda: reader.decisions(first, before=end, limit=200),
        "1,000 lines for the scoreboard": lambda: reader.scored(since=0, limit=1000),
        "what is unresolved": lambda: reader.unresolved(since=0, limit=1000),
    }
    for name, ask in questions.items():
        times: list[float] = []
        for _ in range(rounds):
            started = time.perf_counter()
            await ask()
            times.append((time.perf_counter() - started) * 1000)
        told(name, times)


def told(name: str, times: list[float]) -> None:
    times.sort()
    p50, p99 = statistics.median(times), times[int(0.99 * len(times))]
    print(f"  {name:42} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    database = PostgresDatabase(
        DatabaseSettings(), data_dir=folder / "db", runtime_dir=folder, clock=SystemClock(), meters=Meters()
    )
    try:
        async with database:
            await database.connect()
            await stored(database, folder, arguments.candles)
            await asked(database, arguments.candles, arguments.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
