"""The streams of many instruments: spread over connections, with their order books, in one iterator."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.binance.books import Books
from alphaplus_tui.exchanges.binance.conversation import BinanceConversation
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.binance.snapshots import FETCHERS, Snapshots
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.connection import Connection, Habits
from alphaplus_tui.exchanges.shared.crew import Crew
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import Received

STREAMS_PER_CONNECTION = 1000
"""Binance allows 1,024."""


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
        meters: Meters,
        rng: Random,
        habits: Habits,
        tap: Tap | None,
    ) -> None:
        self._exchange, self._url, self._rest = exchange, ws_url.rstrip("/") + "/stream", rest
        self._clock, self._market, self._meters, self._rng = clock, market, meters, rng
        self._habits, self._tap = habits, tap

    @asynccontextmanager
    async def open(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        mailbox = Mailbox()
        snapshots = Snapshots(self._rest, mailbox, clock=self._clock, market=self._market, rng=self._rng, tap=self._tap)
        books = Books(instruments, snapshots.need)
        async with Crew(self._clock, mailbox.fail) as crew:
            if Channel.BOOK in channels:
                for number in range(FETCHERS):
                    crew.start(snapshots.fetch(books), name=f"{self._exchange} snapshots {number + 1}")
            per_connection = max(1, STREAMS_PER_CONNECTION // max(1, len(channels)))
            for number, start in enumerate(range(0, len(instruments), per_connection), start=1):
                share = instruments[start : start + per_connection]
                connection = self._connection(
                    f"{self._exchange}-{number}", share, channels, books=books, snapshots=snapshots, mailbox=mailbox
                )
                crew.start(connection.run(), name=f"{self._exchange} connection {number}")
            yield mailbox

    def _connection(
        self,
        name: str,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        books: Books,
        snapshots: Snapshots,
        mailbox: Mailbox,
    ) -> Connection:
        def connected(those: Sequence[Instrument]) -> None:
            if Channel.BOOK in channels:
                for instrument in those:
                    snapshots.need(instrument)

        conversation = BinanceConversation(
            name,
            self._exchange,
            instruments,
            channels,
            parser=Parser(self._exchange, instruments, channels, books=books, meters=self._meters),
            mailbox=mailbox,
            market=self._market,
            tap=self._tap,
            on_connected=connected,
            on_lost=books.forget,
            is_quiet=self._is_quiet,
        )
        return Connection(self._url, conversation, mailbox, clock=self._clock, rng=self._rng, habits=self._habits)

    async def _is_quiet(self, instruments: Sequence[Instrument]) -> bool:
        """Whether nothing trades: asked twice of REST, some seconds apart, the last trade is the same."""
        return False
