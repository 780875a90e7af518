"""One subscription, or one question asked again and again: told as a connection of its own, begun anew for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from alphaplus_tui.domain.events import FeedConnected, FeedLost
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    TransientError,
)
from alphaplus_tui.exchanges.ccxt.errors import translated
from alphaplus_tui.exchanges.ccxt.library import ASKING, Client
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.kernel.backoff import reconnect_delay_s
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import FeedEvent, Received

_LOOK_EVERY_S = 0.1
_TRUSTED_AFTER_S = 2.0
"""An open connection that says nothing for so long, and no refusal either, is one that has nothing to say."""
_PLAIN = (Disconnected, DeadlineExceeded)

Said = tuple[int, Sequence[FeedEvent]]
"""``perf_counter_ns`` of the receipt, and what it says."""


class Line:
    """Runs until it is cancelled."""

    client: Client | None = None
    """Over which its data comes, once ccxt has chosen one."""

    def __init__(
        self,
        name: str,
        exchange: str,
        instruments: Sequence[Instrument],
        channels: Sequence[Channel],
        ask: Callable[[], Awaitable[Said]],
        *,
        mailbox: Mailbox,
        clock: Clock,
        market: MarketClock,
        rng: Random,
        habits: Habits,
        pause_s: float = 0.0,
    ) -> None:
        """ask: waits for the next thing that is said; pause_s: between one answer and the next question."""
        self.name, self.instruments, self.channels = name, tuple(instruments), tuple(sorted(channels))
        self._exchange, self._ask, self._pause_s = exchange, ask, pause_s
        self._ids = tuple(instrument.id for instrument in instruments)
        self._mailbox, self._clock, self._market, self._rng, self._habits = mailbox, clock, market, rng, habits
        self.up = False
        self.delivered = False
        """Whether anything came since it is up."""
        self._told: set[type[AlphaPlusError]] = set()
        self._attempt = self._refusals = 0
        self._up_since = 0.0

    async def run(self) -> None:
        ASKING.set(self)
        while True:
            try:
                received_ns, events = await self._answer()
            except (TransientError, ProtocolError) as error:
                await self._wait_after(error)
                continue
            self._connected()
            self.delivered = True
            if events:
                self._mailbox.put(Received(received_ns, tuple(events)))
            await self._let_the_reader_catch_up()
            if self._pause_s:
                await self._clock.sleep(self._pause_s)

    def missed(self, reason: str) -> None:
        """More happened than could be heard: told as a loss, so that what is missing is asked for."""
        if self.up:
            self._tell(FeedLost(self._exchange, self.name, self.channels, self._ids, reason, self._market.now()))
            self._tell(FeedConnected(self._exchange, self.name, self.channels, self._ids, self._market.now()))

    async def _answer(self) -> Said:
        """In a task of its own: ccxt cancels who waits when it closes a connection, and that is not our end."""
        asking = asyncio.ensure_future(self._ask())
        began = self._clock.monotonic()
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=None if self.up else _LOOK_EVERY_S)
                if not self.up and self._is_open() and self._clock.monotonic() - began > _TRUSTED_AFTER_S:
                    self._connected()
            if asking.cancelled():
                raise Disconnected("connection closed")
            error = asking.exception()
            if isinstance(error, Exception):
                raise translated(error) from error
            return asking.result()
        finally:
            asking.cancel()

    def _is_open(self) -> bool:
        return self.client is not None and self.client.isConnected and not self.client.closed()

    def _connected(self) -> None:
        if not self.up:
            self.up, self._refusals, self._up_since = True, 0, self._clock.monotonic()
            self._told.clear()
            self._tell(FeedConnected(self._exchange, self.name, self.channels, self._ids, self._market.now()))

    async def _let_the_reader_catch_up(self) -> None:
        if self._mailbox.crowded:
            drained = asyncio.Event()
            self._mailbox.when_drained(drained.set)
            await drained.wait()

    async def _wait_after(self, error: AlphaPlusError) -> None:
        habits, useful = self._habits, self.up
        if not self._told or (type(error) not in self._told and not isinstance(error, _PLAIN)):
            self._tell(FeedLost(self._exchange, self.name, self.channels, self._ids, str(error), self._market.now()))
        self._told.add(type(error))
        if useful and self._clock.monotonic() - self._up_since >= habits.calm_after_s:
            self._attempt = 0
        self.up, self.delivered, self.client = False, False, None
        cap_s = habits.retry_cap_away_s if isinstance(error, _PLAIN) else habits.retry_cap_mute_s
        cap_s = habits.retry_cap_s if useful else cap_s
        delay_s = reconnect_delay_s(self._attempt, base_s=habits.retry_base_s, cap_s=cap_s, rng=self._rng)
        self._attempt += 1
        if isinstance(error, RateLimited):
            delay_s = max(delay_s, error.retry_after_s)
        elif isinstance(error, ProtocolError):
            self._refusals += 1
            if self._refusals >= habits.refused_times:
                delay_s = habits.refused_wait_s
        await self._clock.sleep(delay_s)

    def _tell(self, event: FeedEvent) -> None:
        self._mailbox.put(Received(time.perf_counter_ns(), (event,)))
