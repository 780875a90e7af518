"""What the connections of one stream share: one mailbox, the pulses, and sometimes the books."""

from collections.abc import Sequence
from itertools import count

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.books import Books, Resync
from alphaplus_tui.exchanges.shared.connection import Connection
from alphaplus_tui.exchanges.shared.conversation import VenueConversation
from alphaplus_tui.exchanges.shared.dialect import Dialect, Shard
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.parsing import FrameParser
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter


class Stream:
    """Made for each opening of a feed."""

    def __init__(
        self,
        dialect: Dialect,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        clock: Clock,
        market: MarketClock,
        tap: Tap | None,
        shed: Counter,
        noticed_within_s: float,
    ) -> None:
        self._dialect, self.instruments, self.channels = dialect, tuple(instruments), channels
        self._market, self._tap, self._shed = market, tap, shed
        self._numbers = count(1)
        self.mailbox = Mailbox()
        self.pulses = Pulses(instruments, dialect.newest_seq, clock, noticed_within_s=noticed_within_s)
        self.books: Books | None = None
        """Of the whole stream, where snapshots come over REST."""
        self._whose: dict[InstrumentId, list[tuple[frozenset[Channel], Connection, VenueConversation]]] = {}

    def join(self, shard: Shard, connection: Connection, conversation: VenueConversation) -> None:
        for instrument in shard.instruments:
            self._whose.setdefault(instrument.id, []).append((shard.channels, connection, conversation))

    async def again(self, instrument: Instrument, channels: frozenset[Channel]) -> None:
        """Subscribe anew to ``channels`` of ``instrument``, wherever they come from."""
        for has, connection, conversation in self._whose[instrument.id]:
            if wanted := has & channels:
                await connection.say(conversation.again(instrument, wanted))

    def conversation(self, name: str, shard: Shard, resync: Resync) -> VenueConversation:
        those, channels, books = shard.instruments, shard.channels, self.books

        def parser() -> FrameParser:
            own = books or Books(those, self._dialect.book_rule, resync)
            return self._dialect.parser(those, channels, own, self.pulses)

        def connected() -> None:
            if books is not None and Channel.BOOK in channels:
                for instrument in those:
                    resync.need(instrument)

        def lost() -> None:
            if books is not None and Channel.BOOK in channels:
                books.forget(those)

        async def is_quiet(silent_s: float) -> bool:
            if Channel.TRADE in channels:
                return await self.pulses.quiet(those)
            # a trade changes the book: where others heard one meanwhile, this connection should have said something
            return Channel.TRADE in self.channels and not self.pulses.traded_within(those, silent_s)

        return VenueConversation(
            name,
            self._dialect,
            those,
            channels,
            parser=parser,
            mailbox=self.mailbox,
            market=self._market,
            tap=self._tap,
            numbers=self._numbers,
            shed=self._shed,
            on_connected=connected,
            on_lost=lost,
            is_quiet=is_quiet,
        )
