"""The time of the market: as even as the monotonic clock, and back at the wall clock's after the machine has slept."""

import time
from collections.abc import Callable

_SLEPT_MS = 2000


def wall_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class MarketClock:
    """Milliseconds since 1970 UTC that never go back; a wall clock that steps back is not followed."""

    def __init__(self, wall_ms: Callable[[], int] = wall_ms, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_ms, self._monotonic_s = wall_ms, monotonic_s
        self._ahead_ms = wall_ms() - int(monotonic_s() * 1000)

    def now_ms(self) -> int:
        now_ms = self._ahead_ms + int(self._monotonic_s() * 1000)
        slept_ms = self._wall_ms() - now_ms
        if slept_ms > _SLEPT_MS:
            self._ahead_ms += slept_ms
            now_ms += slept_ms
        return now_ms
