"""Asks an exchange again until it answers, and leaves it alone when it wants to be."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from alphaplus_tui.errors import (
    CircuitOpen,
    DeadlineExceeded,
    Disconnected,
    FatalError,
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


class NoAnswer(FatalError):
    """An exchange that was asked for as long as somebody wanted to wait."""

    title = "No answer"


class PatientAsker:
    """Shared by all who ask one exchange: when it says wait, all wait."""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        rng: Random,
        on_trouble: Callable[[str], None],
        patience_s: float | None = None,
    ) -> None:
        """on_trouble: told why the exchange does not answer, and an empty text when it does again.

        patience_s: for so long without an answer it is asked again, and then ``NoAnswer`` is raised; None: for ever.
        """
        self._name, self._clock, self._rng, self._on_trouble = name, clock, rng, on_trouble
        self._patience_s = patience_s
        self._breaker = Breaker(name, clock=clock, counts=_BROKEN)
        self._not_before = 0.0
        self._silent_since: float | None = None
        self._trouble = ""

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, however long it takes; only errors that trying again cannot help are raised."""
        attempt = 0
        while True:
            await self._wait(self._not_before - self._clock.monotonic())
            try:
                async with self._breaker, asyncio.timeout(_DEADLINE_S):
                    answer = await question()
            except RateLimited as error:
                self._troubled(str(error))
                self._not_before = max(self._not_before, self._clock.monotonic() + error.retry_after_s)
            except CircuitOpen as error:
                await self._wait(error.retry_in_s)
            except (TransientError, OSError, TimeoutError) as error:
                self._troubled(str(error) or type(error).__name__)
                await self._wait(full_jitter_s(attempt, base_s=_BASE_S, cap_s=_CAP_S, rng=self._rng))
                attempt += 1
            else:
                self._silent_since = None
                self._on_trouble("")
                return answer

    def _troubled(self, reason: str) -> None:
        self._trouble = reason
        if self._silent_since is None:
            self._silent_since = self._clock.monotonic()
        self._on_trouble(reason)

    async def _wait(self, delay_s: float) -> None:
        """``NoAnswer`` at the end of patience, and at once where the exchange wants to be left alone for longer."""
        patience_s = self._left_s()
        if patience_s <= 0 or self._not_before - self._clock.monotonic() > patience_s:
            raise NoAnswer(f"{self._name} gave no answer within {self._patience_s:g} s: {self._trouble}")
        await self._clock.sleep(min(max(0.0, delay_s), patience_s))

    def _left_s(self) -> float:
        if self._patience_s is None or self._silent_since is None:
            return math.inf
        return self._silent_since + self._patience_s - self._clock.monotonic()
