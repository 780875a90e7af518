"""The seams for time: one clock runs the program, another gives its data their meaning."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

_NEVER_SET: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has it by a name of its own; elsewhere the plain one counts sleep as well."""
_MILLISECOND_DIGITS = 6


class Clock(Protocol):
    """Runs the program: deadlines, back-off, latency. Never scaled, never stepped."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Give way for ``delay_s`` seconds."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class MarketClock(Protocol):
    """The meaning of time: ages, expiry, retention."""

    def now(self) -> int:
        """UTC nanoseconds."""
        ...


def elapsed_ns() -> int:
    """Nanoseconds since some fixed moment, those in which the machine slept included; nobody can set this clock."""
    return time.clock_gettime_ns(_NEVER_SET)


class WallMarketClock:
    """The wall clock, corrected by what a trusted peer's clock differs from it.

    It is read once and goes on by itself from there, so that setting the machine's clock changes nothing; each
    measurement of the peer reads it anew.
    """

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, elapsed_ns: Callable[[], int] = elapsed_ns) -> None:
        self._wall_ns, self._elapsed_ns = wall_ns, elapsed_ns
        self._measured_ns = 0
        self._origin_ns = self._at_origin()

    def now(self) -> int:
        return self._origin_ns + self._elapsed_ns()

    @property
    def offset_ns(self) -> int:
        """The peer's clock less the wall's, as that is now; to the millisecond when it was set since."""
        set_by_ns = self._at_origin() - self._origin_ns
        return self._measured_ns - round(set_by_ns, -_MILLISECOND_DIGITS)

    def set_offset(self, offset_ns: int) -> None:
        """``offset_ns``: the peer's clock less the wall's."""
        self._measured_ns = offset_ns
        self._origin_ns = self._at_origin()

    def _at_origin(self) -> int:
        """The peer's time when ``elapsed_ns`` was 0, by the wall."""
        return self._wall_ns() + self._measured_ns - self._elapsed_ns()


class ManualMarketClock:
    """A clock that a recording advances; it never goes backwards."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now(self) -> int:
        return self._now_ns

    def advance_to(self, now_ns: int) -> None:
        """An earlier moment (events out of order) leaves the clock where it is."""
        self._now_ns = max(self._now_ns, now_ns)


async def wait_within(clock: Clock, tasks: Iterable[asyncio.Future[Any]], within_s: float) -> None:
    """Wait until all ``tasks`` are done, at most ``within_s``; cancels none of them and raises nothing of theirs.

    Awaiting a task that one has cancelled cannot tell its cancellation from one's own; this can.
    """
    pending: set[asyncio.Future[Any]] = {task for task in tasks if not task.done()}
    if not pending:
        return
    bell: asyncio.Future[Any] = asyncio.ensure_future(clock.sleep(max(0.0, within_s)))
    try:
        while pending and not bell.done():
            _, left = await asyncio.wait(pending | {bell}, return_when=asyncio.FIRST_COMPLETED)
            pending = left - {bell}
    finally:
        bell.cancel()
