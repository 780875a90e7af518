"""What five attached visitors cost a busy engine, one of them stopped all the while: side by side with none."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.e2e.harness import Report, pointed_at, started
from tests.e2e.terminal import Terminal, terminal
from tests.support import REPOSITORY, eventually
from tests.support_simulator import running_simulator

VISITORS = 5


class Run(NamedTuple):
    """One engine and its visitors."""

    summary: Report
    memory_mb: float
    """Of the engine's process alone, at the end."""
    grown_mb: float
    """Since the visitors were there."""
    attached_s: float | None
    """The longest until a visitor knew the whole state."""
    caught_up_s: float | None
    """From the end of being stopped until the newest price was younger than half a second."""


async def bare(socket: Path) -> Process:
    """A visitor that mirrors everything and draws nothing."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.visitor", str(socket), stdout=PIPE, cwd=REPOSITORY
    )


async def consoles(home: Path, held: AsyncExitStack) -> list[Process]:
    seen: list[Terminal] = [await held.enter_async_context(terminal(home, "attach", "--demo")) for _ in range(VISITORS)]
    for one in seen:
        await eventually(lambda one=one: one.shows("attached"), within_s=60)
    return [one.process for one in seen]


async def run(kind: str, seconds: float, symbols: int, rate: float) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with (
            running_simulator(symbols=symbols, rate=rate, weight_per_minute=1_000_000) as market,
            started(home, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
            AsyncExitStack() as held,
        ):
            await program.line("ready", within_s=120)
            socket = Path(json.loads((program.data / "engine.json").read_text())["control_socket"])
            visitors: list[Process] = []
            attached_s: list[float] = []
            if kind == "consoles":
                visitors = await consoles(home, held)
            elif kind == "bare":
                visitors = [await bare(socket) for _ in range(VISITORS)]
                attached_s = [await _attached(visitor) for visitor in visitors]
            await asyncio.sleep(3)
            before = psutil.Process(program.pid).memory_info().rss
            if visitors:
                visitors[0].send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            memory = psutil.Process(program.pid).memory_info().rss
            if visitors:
                visitors[0].send_signal(signal.SIGCONT)
                await asyncio.sleep(3)
            caught_up_s = await _ended(visitors) if kind == "bare" else None
            program.process.terminate()
            summary = (await program.ends(within_s=30)).last
    return Run(summary, memory / 1e6, (memory - before) / 1e6, max(attached_s, default=None), caught_up_s)


async def _attached(visitor: Process) -> float:
    """Seconds from dialling until the whole state was there."""
    assert visitor.stdout is not None
    return json.loads(await visitor.stdout.readline())["attached_s"]


async def _ended(visitors: list[Process]) -> float | None:
    """What the one that was stopped says."""
    reports: list[Report] = []
    for visitor in visitors:
        visitor.terminate()
        out, _ = await visitor.communicate()
        reports.append(json.loads(out))
    return reports[0]["caught_up_s"]


def main(kinds: list[str], seconds: float, symbols: int, rate: float) -> None:
    print(
        f"{symbols} symbols, {rate:g} trades/s, {seconds:g} s; {VISITORS} visitors, one of them stopped all the while"
    )
    heads = (("state p50", 10), ("p99 ms", 9), ("loop p99", 10), ("CPU %", 8), ("MB", 7), ("grown", 8))
    heads = (*heads, ("attached s", 12), ("caught up s", 13))
    print(" " * 18 + "".join(head.rjust(width) for head, width in heads))
    for kind in kinds:
        done = asyncio.run(run(kind, seconds, symbols, rate))
        summary = done.summary
        state, lag = summary["wire_to_state_ms"], summary["event_loop_lag_ms"]
        cpu = 100 * summary["cpu_seconds"] / summary["duration_s"]
        attached, caught_up = ("" if one is None else f"{one:.2f}" for one in (done.attached_s, done.caught_up_s))
        print(
            f"  {kind:16}{state['p50']:10.3f}{state['p99']:9.3f}{lag['p99']:10.2f}{cpu:8.1f}{done.memory_mb:7.0f}"
            f"{done.grown_mb:8.1f}{attached:>12}{caught_up:>13}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("kinds", nargs="*", default=["nobody", "bare", "consoles"])
    asked = parser.parse_args()
    main(asked.kinds, asked.seconds, asked.symbols, asked.rate)
