"""A program that follows a market: when it is well, and how it is stopped."""

import asyncio
import signal
import time

import psutil

from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.wire.control import Status
from tests.e2e.harness import Program


async def following(program: Program) -> int:
    """From when on nothing may be missing: every symbol has had its first trade by then."""
    await program.line("ready", within_s=60)
    await program.until(all_is_well)
    await run_for(2)
    return now_ms()


def all_is_well(status: Status) -> bool:
    """Nothing waits for the database, and no gap is being fetched."""
    database = status.database
    return (
        database is not None
        and database.connected
        and not database.spool_bytes
        and not any(gap.reason == "" for gap in status.gaps)
        and all(feed.state is FeedState.LIVE for feed in status.feeds)
    )


def has_fetched(status: Status) -> bool:
    return any(counter.name == "trades_backfilled" and counter.value for counter in status.counters)


async def stop(program: Program, number: signal.Signals = signal.SIGTERM) -> dict[str, float]:
    program.send(number)
    finished = await program.ends(within_s=20)
    assert finished.code == 128 + number, finished.stderr
    return finished.last


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def run_for(seconds: float) -> None:
    """Lets a market happen: what is tested is what a stretch of time does."""
    await asyncio.sleep(seconds)


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
