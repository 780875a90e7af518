"""How long 50 instruments take from closed candle to decision, and how long a killed inference process is missed."""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from alphaplus_tui.domain.events import DecisionMade
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.models.artefact import open_artefact
from alphaplus_tui.models.client import ModelProcess
from tests.fakes.artefacts import PRICES_ALONE, shelve
from tests.fakes.market_data import an_instrument
from tests.support import eventually
from tests.unit.services.judges import HISTORY, Judges, judging

INSTRUMENTS = 50
MOMENTS = 100
KILLS = 5


def main() -> None:
    """``python -m tests.bench.bench_inference [FOLDER OF AN ARTEFACT]``; else a linear model of what prices tell."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder), Path(sys.argv[1]) if len(sys.argv) > 1 else None))


async def _measure(folder: Path, artefact: Path | None) -> None:
    instruments = [an_instrument("BTC/USDT"), *(an_instrument(f"S{n}/USDT") for n in range(1, INSTRUMENTS))]
    judges = Judges(
        folder, ModelProcess(clock=SystemClock()), instruments=instruments, candles=HISTORY + MOMENTS + KILLS
    )
    if artefact is None:
        name = "linear"
        shelve(judges.registry, name, champion=True, features=PRICES_ALONE)
    else:
        name = judges.registry.adopt(artefact, "for the bench").id
    taken: list[float] = []
    async with judging(judges):
        await judges.serving(name)
        judges.history()
        await eventually(lambda: len(judges.judged(HISTORY - 1)) == INSTRUMENTS, within_s=60)
        taken.extend([1000 * await _moment(judges, HISTORY + number) for number in range(MOMENTS)])
        respawns: list[float] = []
        for number in range(HISTORY + MOMENTS, HISTORY + MOMENTS + KILLS):
            pid = judges.server.status.pid
            began = perf_counter()
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda pid=pid: judges.server.status.running and judges.server.status.pid != pid)
            respawns.append(perf_counter() - began)
            await _moment(judges, number)
    features = len(open_artefact(folder / name).manifest.features)
    p50, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[-1]
    print(
        f"closed candle to decision, {INSTRUMENTS} instruments, {features} features, {name}: "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {max(taken):.1f} ms of {MOMENTS}"
    )
    print(f"inference process killed: another one ready after {max(respawns):.2f} s at most, of {KILLS}")


async def _moment(judges: Judges, number: int) -> float:
    """Seconds from the first candle's close to the last decision."""
    all_made = asyncio.Event()
    due = len(judges.decisions) + INSTRUMENTS
    forget = judges.bus.on(DecisionMade, lambda _: all_made.set() if len(judges.decisions) >= due else None)
    began = perf_counter()
    judges.close(number)
    await all_made.wait()
    forget()
    return perf_counter() - began


if __name__ == "__main__":
    main()
