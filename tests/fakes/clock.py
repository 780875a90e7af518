"""A clock that stands still until the test moves it."""

import asyncio
import heapq
from itertools import count

_SETTLE_ROUNDS = 50


class FakeClock:
    """``await clock.advance(5)`` wakes each sleeper at its own moment, in order, and lets all run in between."""

    def __init__(self, start_s: float = 1_000.0) -> None:
        self._now = start_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, delay_s: float) -> None:
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + delay_s, next(self._order), bell))
        await bell

    async def settle(self) -> None:
        """Let everything that can run without time passing run."""
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)

    async def advance(self, delay_s: float) -> None:
        until = self._now + delay_s
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, bell = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not bell.done():
                bell.set_result(None)
                await self.settle()
        self._now = until

    async def jump(self, delay_s: float) -> None:
        """As when the event loop itself stood still: nobody runs in between."""
        self._now += delay_s
        await self.advance(0.0)
