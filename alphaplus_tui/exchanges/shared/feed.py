"""The streams of many instruments: spread over connections, with their order books, in one iterator."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.books import Books, Resync
from alphaplus_tui.exchanges.shared.connection import Connection, Habits
from alphaplus_tui.exchanges.shared.crew import Crew
from alphaplus_tui.exchanges.shared.dialect import Dialect
from alphaplus_tui.exchanges.shared.resubscribe import Resubscriptions
from alphaplus_tui.exchanges.shared.snapshots import FETCHERS, Snapshots
from alphaplus_tui.exchanges.shared.stream import Stream
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import Received

_TRADES = frozenset({Channel.TRADE})
_BOOKS = frozenset({Channel.BOOK, Channel.TICKER})
"""What some venues tell as a snapshot and its changes."""


class Feed:
    """Makes streams of one venue; each has connections, books and a mailbox of its own."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
        tap: Tap | None,
        rng: Random | None = None,
        habits: Habits | None = None,
    ) -> None:
        self._dialect, self._clock, self._market, self._tap = dialect, clock, market, tap
        self._rng = rng or Random()  # noqa: S311 - spreads retries in time
        self._habits = habits or Habits()
        self._shed = meters.counter("frames_shed", (("exchange", dialect.exchange),))

    @asynccontextmanager
    async def open(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        stream = Stream(
            self._dialect,
            instruments,
            channels,
            clock=self._clock,
            market=self._market,
            tap=self._tap,
            shed=self._shed,
            noticed_within_s=self._habits.patience.first_data_within_s,
        )
        async with Crew(self._clock, stream.mailbox.fail) as crew:
            resync = self._keep_books(stream, crew)
            if Channel.TRADE in channels:
                watch = stream.pulses.watch(lambda instrument: stream.again(instrument, _TRADES))
                crew.start(watch, name=f"{self._dialect.exchange} pulses")
            for number, shard in enumerate(self._dialect.shards(instruments, channels), start=1):
                name = f"{self._dialect.exchange}-{number}"
                conversation = stream.conversation(name, shard, resync)
                connection = Connection(
                    shard.url, conversation, stream.mailbox, clock=self._clock, rng=self._rng, habits=self._habits
                )
                stream.join(shard, connection, conversation)
                crew.start(connection.run(), name=f"{name} connection")
            yield stream.mailbox

    def _keep_books(self, stream: Stream, crew: Crew) -> Resync:
        source = self._dialect.snapshots
        if source is None:
            again = Resubscriptions(
                lambda instrument: stream.again(instrument, _BOOKS), clock=self._clock, rng=self._rng
            )
            if stream.channels & _BOOKS:
                crew.start(again.work(), name=f"{self._dialect.exchange} books")
            return again
        snapshots = Snapshots(
            source, stream.mailbox, clock=self._clock, market=self._market, rng=self._rng, tap=self._tap
        )
        stream.books = Books(stream.instruments, self._dialect.book_rule, snapshots)
        if Channel.BOOK in stream.channels:
            for number in range(FETCHERS):
                crew.start(snapshots.fetch(stream.books), name=f"{self._dialect.exchange} snapshots {number + 1}")
        return snapshots
