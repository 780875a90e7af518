"""The watchdog against a loop that really stands still."""

import asyncio
import threading
import time

from structlog.testing import capture_logs

from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.kernel.watchdog import LOOP_LAG, LOOP_STALLS, Watchdog, stacks
from tests.support import eventually


async def test_each_stall_is_reported_once_with_what_the_loop_was_doing_and_once_when_it_is_over() -> None:
    meters = Meters()
    stalls, lag = meters.counter(LOOP_STALLS), meters.histogram(LOOP_LAG)
    watchdog = Watchdog(meters, stall_after_s=0.1, beat_every_s=0.01)
    life = Life(watchdog.name, SystemClock())

    def stand_still_until_noticed(stall: int) -> None:
        deadline = time.monotonic() + 10
        while stalls.value < stall and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # long enough for a second report, were there one

    with capture_logs() as logs:
        running = asyncio.create_task(watchdog.run(life))
        await life.wait_ready()
        await eventually(lambda: lag.count >= 3)
        for stall in (1, 2):
            beats = lag.count
            stand_still_until_noticed(stall)
            await eventually(lambda beats=beats: lag.count > beats)
        running.cancel()
        await asyncio.wait({running})

    assert [log["event"] for log in logs] == ["event_loop_stalled", "event_loop_moves_again"] * 2
    assert stalls.value == 2
    assert "stand_still_until_noticed" in logs[0]["stacks"]
    assert logs[1]["stood_still_s"] > 0.1
    assert lag.largest > 0.1
    assert "watchdog" not in [thread.name for thread in threading.enumerate()]


def test_the_stacks_are_bounded_and_on_plain_lines() -> None:
    over, started = threading.Event(), threading.Barrier(41)

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        else:
            started.wait()
            over.wait()

    threads = [threading.Thread(target=deep, args=(50,), name=f"bell\x07 {n}") for n in range(40)]
    for thread in threads:
        thread.start()
    started.wait()
    try:
        text = stacks()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert len(text) == 20_001
    assert "thread bell\ufffd " in text
    assert all(char == "\n" or char.isprintable() for char in text)


def test_the_stacks_of_a_quiet_process_are_complete() -> None:
    assert "test_the_stacks_of_a_quiet_process_are_complete" in stacks()
