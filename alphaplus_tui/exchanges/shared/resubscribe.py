"""Subscribes anew to the order books that lost their place, where the stream itself brings the snapshots."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.kernel.backoff import reconnect_delay_s
from alphaplus_tui.kernel.clock import Clock

_ANSWER_WITHIN_S = 2.0
"""A snapshot that did not come by then is asked for again."""
_CALM_AFTER_S = 10.0
"""A book that was right for so long is asked for at once when it breaks."""
_SOUND_AFTER_S = 1.0
"""One that was right for so long is asked for soon, however often it broke: the exchange's snapshots are good."""
_SOON_S = 1.0
_LOOK_EVERY_S = 0.1


class Resubscriptions:
    """``need`` notes an instrument, once; ``work`` subscribes to its book anew until ``have``, and until cancelled."""

    def __init__(self, resubscribe: Callable[[Instrument], Awaitable[None]], *, clock: Clock, rng: Random) -> None:
        self._resubscribe, self._clock, self._rng = resubscribe, clock, rng
        self._due: dict[Instrument, float] = {}
        """When to ask (again); monotonic seconds."""
        self._tries: dict[Instrument, int] = {}
        self._right_since: dict[Instrument, float] = {}
        self._some = asyncio.Event()

    def need(self, instrument: Instrument) -> None:
        if instrument in self._due:
            return
        now = self._clock.monotonic()
        right_s = now - self._right_since.get(instrument, now)
        if right_s > _CALM_AFTER_S:
            self._tries.pop(instrument, None)
        self._put_off(instrument, 0.0)
        if right_s > _SOUND_AFTER_S:
            self._due[instrument] = min(self._due[instrument], now + _SOON_S)
        self._some.set()

    def have(self, instrument: Instrument) -> None:
        if self._due.pop(instrument, None) is not None:
            self._right_since[instrument] = self._clock.monotonic()

    async def work(self) -> None:
        while True:
            await self._some.wait()
            now = self._clock.monotonic()
            for instrument in [instrument for instrument, due in self._due.items() if due <= now]:
                self._tries[instrument] = self._tries.get(instrument, 0) + 1
                self._put_off(instrument, _ANSWER_WITHIN_S)
                await self._resubscribe(instrument)
            if self._due:
                await self._clock.sleep(_LOOK_EVERY_S)
            else:
                self._some.clear()

    def _put_off(self, instrument: Instrument, at_least_s: float) -> None:
        delay_s = reconnect_delay_s(self._tries.get(instrument, 0), base_s=0.25, cap_s=30.0, rng=self._rng)
        self._due[instrument] = self._clock.monotonic() + at_least_s + delay_s
