"""Asks an exchange again until it answers, and leaves it alone when it wants to be."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from alphaplus_tui.errors import (
    CircuitOpen,
    DeadlineExceeded,
    Disconnected,
    RateLimited,
    TransientError,
    VenueUnavailable,
)
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.breaker import Breaker
from alphaplus_tui.kernel.clock import Clock

T = TypeVar("T")

_BROKEN = (VenueUnavailable, Disconnected, DeadlineExceeded, OSError, TimeoutError)
"""Being asked to wait is no failure of the other side."""
_DEADLINE_S = 60.0
_BASE_S = 0.25
_CAP_S = 30.0


class PatientAsker:
    """Shared by all who ask one exchange: when it says wait, all wait."""

    def __init__(self, name: str, *, clock: Clock, rng: Random, on_trouble: Callable[[str], None]) -> None:
        """on_trouble: told why the exchange does not answer, and an empty text when it does again."""
        self._clock, self._rng, self._on_trouble = clock, rng, on_trouble
        self._breaker = Breaker(name, clock=clock, counts=_BROKEN)
        self._not_before = 0.0

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, however long it takes; only errors that trying again cannot help are raised."""
        attempt = 0
        while True:
            await self._clock.sleep(max(0.0, self._not_before - self._clock.monotonic()))
            try:
                async with self._breaker, asyncio.timeout(_DEADLINE_S):
                    answer = await question()
            except RateLimited as error:
                self._on_trouble(str(error))
                self._not_before = max(self._not_before, self._clock.monotonic() + error.retry_after_s)
            except CircuitOpen as error:
                await self._clock.sleep(error.retry_in_s)
            except (TransientError, OSError, TimeoutError) as error:
                self._on_trouble(str(error) or type(error).__name__)
                await self._clock.sleep(full_jitter_s(attempt, base_s=_BASE_S, cap_s=_CAP_S, rng=self._rng))
                attempt += 1
            else:
                self._on_trouble("")
                return answer
