"""The streams of many instruments: spread over connections, with their order books, in one iterator."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.binance.books import Books
from alphaplus_tui.exchanges.binance.conversation import BinanceConversation
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.binance.pulses import Pulses
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.binance.snapshots import FETCHERS, Snapshots
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.connection import Connection, Habits
from alphaplus_tui.exchanges.shared.crew import Crew
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter
from alphaplus_tui.ports.market_data import Received

STREAMS_PER_CONNECTION = 1000
"""Binance allows 1,024."""


@dataclass(frozen=True)
class Parts:
    """What one stream's connections share."""

    mailbox: Mailbox
    snapshots: Snapshots
    books: Books
    pulses: Pulses


class BinanceFeed:
    """Makes streams; each has connections, books and a mailbox of its own."""

    def __init__(
        self,
        exchange: str,
        ws_url: str,
        rest: BinanceRest,
        *,
        clock: Clock,
        market: MarketClock,
        rng: Random,
        habits: Habits,
        shed: Counter,
        tap: Tap | None,
    ) -> None:
        self._exchange, self._url, self._rest = exchange, ws_url.rstrip("/") + "/stream", rest
        self._clock, self._market, self._rng = clock, market, rng
        self._habits, self._shed, self._tap = habits, shed, tap

    @asynccontextmanager
    async def open(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        mailbox = Mailbox()
        snapshots = Snapshots(self._rest, mailbox, clock=self._clock, market=self._market, rng=self._rng, tap=self._tap)
        parts = Parts(
            mailbox,
            snapshots,
            Books(instruments, snapshots.need),
            Pulses(instruments, self._rest, self._clock, suspect_after_s=self._habits.patience.first_data_within_s),
        )
        whose: dict[InstrumentId, tuple[Connection, BinanceConversation]] = {}

        async def resubscribe(instrument: Instrument) -> None:
            connection, conversation = whose[instrument.id]
            await connection.say(conversation.again(instrument))

        async with Crew(self._clock, mailbox.fail) as crew:
            if Channel.BOOK in channels:
                for number in range(FETCHERS):
                    crew.start(snapshots.fetch(parts.books), name=f"{self._exchange} snapshots {number + 1}")
            if Channel.TRADE in channels:
                crew.start(parts.pulses.watch(resubscribe), name=f"{self._exchange} pulses")
            per_connection = max(1, STREAMS_PER_CONNECTION // max(1, len(channels)))
            for number, start in enumerate(range(0, len(instruments), per_connection), start=1):
                share = instruments[start : start + per_connection]
                conversation = self._conversation(f"{self._exchange}-{number}", share, channels, parts)
                connection = Connection(
                    self._url, conversation, mailbox, clock=self._clock, rng=self._rng, habits=self._habits
                )
                whose.update({instrument.id: (connection, conversation) for instrument in share})
                crew.start(connection.run(), name=f"{self._exchange} connection {number}")
            yield mailbox

    def _conversation(
        self, name: str, instruments: Sequence[Instrument], channels: frozenset[Channel], parts: Parts
    ) -> BinanceConversation:
        def connected(those: Sequence[Instrument]) -> None:
            if Channel.BOOK in channels:
                for instrument in those:
                    parts.snapshots.need(instrument)

        async def is_quiet(those: Sequence[Instrument]) -> bool:
            return Channel.TRADE in channels and await parts.pulses.quiet(those)

        return BinanceConversation(
            name,
            self._exchange,
            instruments,
            channels,
            parser=Parser(instruments, channels, books=parts.books, pulses=parts.pulses),
            mailbox=parts.mailbox,
            market=self._market,
            tap=self._tap,
            shed=self._shed,
            on_connected=connected,
            on_lost=parts.books.forget,
            is_quiet=is_quiet,
        )
