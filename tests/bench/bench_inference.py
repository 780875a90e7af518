"""Closed candle to stored decision of 50 instruments, a killed inference process, and the way back to a champion."""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from alphaplus_tui.cli import collector
from alphaplus_tui.domain.events import DecisionMade, RowsCommitted
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.models.artefact import open_artefact
from alphaplus_tui.models.client import ModelProcess
from alphaplus_tui.services.opinions import OpinionsService
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.spool import FileSpool
from tests.bench.demo_model import FOLDER
from tests.fakes.artefacts import PRICES_ALONE, shelve
from tests.fakes.market_data import an_instrument
from tests.support import eventually
from tests.unit.services.judges import HISTORY, Judges, judging

INSTRUMENTS = 50
KILLS = 5
WAYS_BACK = 10
_APART_S = 0.5


async def main(artefact: Path, moments: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    try:
        async with stored(folder) as database:
            await _measure(folder, database, artefact, moments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def stored(folder: Path) -> AsyncGenerator[PostgresDatabase]:
    """An embedded database of its own."""
    database = PostgresDatabase(
        DatabaseSettings(), data_dir=folder / "db", runtime_dir=folder, clock=SystemClock(), meters=Meters()
    )
    async with database:
        await database.connect()
        yield database


class Moments:
    """Judges whose decisions are written as the program writes them, and by when."""

    def __init__(self, judges: Judges, database: PostgresDatabase, folder: Path) -> None:
        self.judges, self.written, self._last_made = judges, 0, 0.0
        self._committed = asyncio.Event()
        self._opinions = OpinionsService(
            database.writer,
            database.reader,
            FileSpool(folder / "spool", max_bytes=1 << 30, clock=judges.clock),
            judges.bus,
            registry=tuple,
            clock=judges.clock,
            market=WallMarketClock(),
            meters=judges.meters,
        )
        judges.bus.on(DecisionMade, self._on_made)
        judges.bus.on(RowsCommitted, self._on_committed)

    async def keep(self) -> None:
        """Write decisions until cancelled."""
        await self._opinions.run(Life("opinions", self.judges.clock))

    async def take_after_a_while(self, number: int) -> tuple[float, float]:
        """As ``take``: candles close minutes apart, so that what came of the one before is known and written."""
        await asyncio.sleep(_APART_S)
        return await self.take(number)

    async def take(self, number: int) -> tuple[float, float]:
        """Milliseconds from the first candle's close to the last decision, and to the last that is stored."""
        due = self.written + INSTRUMENTS
        began = perf_counter()
        self.judges.close(number)
        while self.written < due:
            self._committed.clear()
            await self._committed.wait()
        return 1000 * (self._last_made - began), 1000 * (perf_counter() - began)

    def _on_made(self, _: DecisionMade) -> None:
        self._last_made = perf_counter()

    def _on_committed(self, event: RowsCommitted) -> None:
        if event.table == "decisions":
            self.written += event.rows
            self._committed.set()


async def _measure(folder: Path, database: PostgresDatabase, artefact: Path, moments: int) -> None:
    instruments = [an_instrument("BTC/USDT"), *(an_instrument(f"S{n}/USDT") for n in range(1, INSTRUMENTS))]
    judges = Judges(
        folder / "models",
        ModelProcess(clock=SystemClock()),
        instruments=instruments,
        candles=HISTORY + moments + KILLS + WAYS_BACK,
    )
    name = judges.registry.adopt(artefact, "for the bench").id
    measured = Moments(judges, database, folder)
    keeping = asyncio.create_task(measured.keep())
    numbers = iter(range(HISTORY, HISTORY + moments + KILLS + WAYS_BACK))
    async with judging(judges):
        await judges.serving(name)
        judges.history()
        await eventually(lambda: measured.written == INSTRUMENTS, within_s=60)
        collector.started()  # as the program does
        taken = [await measured.take_after_a_while(next(numbers)) for _ in range(moments)]
        features = len(open_artefact(artefact).manifest.features)
        opinions = sum(decision.prediction.probabilities is not None for decision in judges.decisions)
        print(f"{INSTRUMENTS} instruments, {features} features, model {name}, {opinions:,} opinions")
        _tell("closed candle to decision", [made for made, _ in taken])
        _tell("closed candle to stored decision", [written for _, written in taken])
        respawns = [await _respawn(measured, next(numbers)) for _ in range(KILLS)]
        print(f"  inference process killed: another one ready after {max(respawns):.2f} s at most, of {KILLS}")
        ways = await _ways_back(measured, name, [next(numbers) for _ in range(WAYS_BACK)])
        print(f"  rolled back: the champion before serves after {1000 * max(ways):.0f} ms at most, of {WAYS_BACK}")
        await eventually(lambda: measured.written == len(judges.decisions))
        print(f"  {measured.written:,} decisions stored, none missed: {_each_once(judges)}")
    keeping.cancel()
    await asyncio.wait({keeping})


async def _respawn(measured: Moments, number: int) -> float:
    """Seconds until another process is there; a candle closes meanwhile."""
    server = measured.judges.server
    pid, began = server.status.pid, perf_counter()
    os.kill(pid, signal.SIGKILL)
    moment = asyncio.create_task(measured.take(number))
    await eventually(lambda: server.status.running and server.status.pid != pid)
    took = perf_counter() - began
    await moment
    return took


async def _ways_back(measured: Moments, name: str, numbers: list[int]) -> list[float]:
    """Seconds from the wish to the champion before, which serves then; a candle closes meanwhile."""
    judges, taken = measured.judges, list[float]()
    for number in numbers:
        newer = f"newer-{number}"
        shelve(judges.registry, newer, champion=True, features=PRICES_ALONE)
        judges.models_changed()
        await judges.serving(newer)
        moment = asyncio.create_task(measured.take(number))
        await asyncio.sleep(0)
        began = perf_counter()
        judges.registry.rollback()
        judges.models_changed()
        await judges.serving(name)
        taken.append(perf_counter() - began)
        await moment
    return taken


def _each_once(judges: Judges) -> str:
    made = Counter((decision.prediction.instrument, decision.prediction.open_time) for decision in judges.decisions)
    candles = len({opened for _, opened in made})
    return "yes" if len(made) == INSTRUMENTS * candles and set(made.values()) == {1} else "NO"


def _tell(what: str, taken_ms: list[float]) -> None:
    p50, p99 = statistics.median(taken_ms), statistics.quantiles(taken_ms, n=100)[-1]
    print(f"  {what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {max(taken_ms):.1f} ms of {len(taken_ms)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_inference", description=__doc__)
    parser.add_argument("--model", type=Path, default=FOLDER, help="folder of an artefact (%(default)s)")
    parser.add_argument("--moments", type=int, default=200, help="candles that close (%(default)s)")
    asked = parser.parse_args()
    asyncio.run(main(asked.model, asked.moments))
