"""A circuit breaker: after several failures in a row, nobody tries for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeVar

from alphaplus_tui.errors import CircuitOpen, TransientError
from alphaplus_tui.kernel.clock import Clock

T = TypeVar("T")


class BreakerState(StrEnum):
    CLOSED = "closed"
    """All may try."""
    OPEN = "open"
    """Nobody may."""
    HALF_OPEN = "half open"
    """One tries, for all."""


class Breaker:
    """``async with breaker:`` around one attempt, or ``await breaker.call(fetch)``.

    Raises CircuitOpen instead of trying while it is open. Only errors of the kinds in ``counts`` are failures;
    others, and cancellation, say nothing about the other side.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        fail_after: int = 5,
        open_for_s: float = 1.0,
        growth: float = 2.0,
        longest_open_s: float = 30.0,
        counts: tuple[type[Exception], ...] = (TransientError, OSError),
        on_change: Callable[[BreakerState], None] | None = None,
    ) -> None:
        """fail_after: failures in a row that open it; each failed trial multiplies the wait by ``growth``."""
        self.name = name
        self.failures = 0
        """In a row."""
        self._clock, self._fail_after, self._counts, self._on_change = clock, fail_after, counts, on_change
        self._first_open_s, self._growth, self._longest_open_s = open_for_s, growth, longest_open_s
        self._open_for_s = open_for_s
        self._open_until: float | None = None
        self._trial: asyncio.Task[Any] | None = None

    @property
    def state(self) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        if self._trial is not None or self._clock.monotonic() >= self._open_until:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    @property
    def retry_in_s(self) -> float:
        """Until somebody may try again; 0 when that is now."""
        if self._open_until is None:
            return 0.0
        return max(0.0, self._open_until - self._clock.monotonic())

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self:
            return await attempt()

    async def __aenter__(self) -> Self:
        if self._open_until is not None:
            if self.state is BreakerState.OPEN:
                raise CircuitOpen(self.name, retry_in_s=self.retry_in_s)
            if self._trial is not None:
                raise CircuitOpen(self.name, retry_in_s=self._open_for_s)
            self._trial = asyncio.current_task()
            self._changed(BreakerState.HALF_OPEN)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = isinstance(error, self._counts)
        if self._open_until is None:
            self._closed_verdict(ok=error is None, failed=failed)
        elif self._trial is asyncio.current_task():
            self._trial = None
            self._trial_verdict(ok=error is None, failed=failed)

    def _closed_verdict(self, *, ok: bool, failed: bool) -> None:
        if ok:
            self.failures = 0
        elif failed:
            self.failures += 1
            if self.failures >= self._fail_after:
                self._open()

    def _trial_verdict(self, *, ok: bool, failed: bool) -> None:
        """Neither (cancelled, an error that does not count): the next one tries."""
        if ok:
            self.failures, self._open_until, self._open_for_s = 0, None, self._first_open_s
            self._changed(BreakerState.CLOSED)
        elif failed:
            self.failures += 1
            self._open_for_s = min(self._longest_open_s, self._open_for_s * self._growth)
            self._open()

    def _open(self) -> None:
        self._open_until = self._clock.monotonic() + self._open_for_s
        self._changed(BreakerState.OPEN)

    def _changed(self, state: BreakerState) -> None:
        if self._on_change is not None:
            self._on_change(state)
