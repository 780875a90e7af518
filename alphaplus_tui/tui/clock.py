"""What time it is for whoever looks at the console."""

import time
from typing import Protocol

from alphaplus_tui.state.slices import Mode
from alphaplus_tui.state.view import ONLY, StateView


class ConsoleClock(Protocol):
    """The console's two clocks, so that a picture of it can be frozen."""

    def time_ns(self) -> int: ...

    def monotonic(self) -> float: ...


class WallClock:
    """The machine's own clocks."""

    def time_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()


def market_now(state: StateView, clock: ConsoleClock) -> int:
    """UTC ns by the market's clock, which ages are counted from: the recording's in a replay."""
    system = state.system.get(ONLY)
    if system is None:
        return clock.time_ns()
    if system.mode is Mode.REPLAY:
        return system.market_now
    return clock.time_ns() + int(system.clock_offset_ms * 1_000_000)
