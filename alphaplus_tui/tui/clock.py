"""What time it is for whoever looks at the console."""

import time
from typing import Protocol

from alphaplus_tui.state.moment import market_time
from alphaplus_tui.state.view import StateView


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
    return market_time(state, clock.time_ns())
