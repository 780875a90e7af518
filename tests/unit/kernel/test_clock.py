"""The clocks, and waiting that cannot be mistaken for being cancelled."""

import asyncio
import time

import pytest

from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock, WallMarketClock, wait_within
from tests.fakes.clock import FakeClock


async def test_the_system_clock_sleeps_as_long_as_it_says() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.0099


def test_the_wall_market_clock_is_corrected_by_the_offset_of_the_venue() -> None:
    clock = WallMarketClock()
    before = time.time_ns()
    assert abs(clock.now() - before) < 10**9
    clock.set_offset(-3_600 * 10**9)
    assert clock.now() < before - 3_500 * 10**9


def test_the_offset_told_is_what_the_wall_clock_lacks_now_also_after_somebody_set_it() -> None:
    wall, elapsed = [1_000 * 10**9], [50 * 10**9]
    clock = WallMarketClock(wall_ns=lambda: wall[0], elapsed_ns=lambda: elapsed[0])
    clock.set_offset(2 * 10**9)
    assert (clock.offset_ns, clock.now()) == (2 * 10**9, 1_002 * 10**9)
    wall[0] += 3_600 * 10**9
    assert (clock.offset_ns, clock.now()) == (2 * 10**9 - 3_600 * 10**9, 1_002 * 10**9)


def test_the_clock_of_a_recording_follows_it_and_never_goes_backwards() -> None:
    clock = ManualMarketClock(start_ns=5)
    clock.advance_to(10)
    clock.advance_to(7)
    assert clock.now() == 10


async def test_waiting_ends_when_all_are_done_and_raises_nothing_of_theirs() -> None:
    async def breaks() -> None:
        raise ValueError("theirs")

    tasks = [asyncio.create_task(breaks()), asyncio.create_task(asyncio.sleep(0))]
    await wait_within(SystemClock(), tasks, within_s=60)
    assert [type(tasks[0].exception()), tasks[1].exception()] == [ValueError, None]
    await wait_within(SystemClock(), tasks, within_s=60)


async def test_waiting_ends_at_its_bound_and_leaves_the_others_running() -> None:
    clock = FakeClock()
    slow, quick = asyncio.create_task(asyncio.Event().wait()), asyncio.create_task(asyncio.sleep(0))
    waiting = asyncio.create_task(wait_within(clock, [slow, quick], within_s=3))
    await clock.advance(2.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert (waiting.done(), slow.done()) == (True, False)
    slow.cancel()


async def test_cancelling_whoever_waits_for_a_cancelled_task_is_not_swallowed() -> None:
    clock = FakeClock()
    inner = asyncio.create_task(asyncio.Event().wait())
    inner.cancel()
    stuck = asyncio.create_task(asyncio.Event().wait())
    waiting = asyncio.create_task(wait_within(clock, [inner, stuck], within_s=3))
    await clock.settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not stuck.done()
    stuck.cancel()
