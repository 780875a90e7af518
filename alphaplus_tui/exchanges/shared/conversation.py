"""What is said on one connection to a venue: subscriptions, their answers, and the market's frames."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FeedMute, FeedRenewed, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.recording import Opening
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.dialect import Answer, Dialect, Request
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.parsing import FrameParser, NotMarketData, Unusable
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Counter
from alphaplus_tui.ports.market_data import FeedEvent, Received

_QUOTED = 400
"""Characters of a rejected frame that are kept."""


class VenueEar:
    """Hears the frames of one link."""

    def __init__(
        self,
        conversation: "VenueConversation",
        dialect: Dialect,
        parser: FrameParser,
        *,
        mailbox: Mailbox,
        market: MarketClock,
        tap: Tap | None,
        number: int,
        shed: Counter,
    ) -> None:
        """number: of the link, for the ``tap``."""
        self._conversation, self._dialect, self._parse = conversation, dialect, parser.read
        self._data, self._is_trade = dialect.data, dialect.is_trade
        self._mailbox, self._put_frame, self._now = mailbox, mailbox.put_frame, market.now
        self._tap, self._number, self._shed = tap, number, shed
        self.sparing = False
        self.beats = 0
        self.leaving = False

    def hear(self, frame: bytes) -> None:
        ts_recv = self._now()
        if self._tap is not None:
            self._tap(ts_recv, frame, self._number)
        if frame.startswith(self._data):
            if self.sparing and not self._is_trade(frame):
                self._shed.value += 1  # undecoded; a book notices by its numbers that it must begin anew
                return
            self._put_frame(self, frame, ts_recv)
        elif (received := self.read(frame, ts_recv)) is not None:
            # answers are taken at once: whoever subscribes waits for them, whether or not somebody reads
            self._mailbox.put(received)

    def read(self, frame: bytes, ts_recv: int) -> Received | None:
        received_ns = time.perf_counter_ns()
        try:
            events = self._parse(frame, ts_recv)
        except NotMarketData:
            rejected = self._read_answer(frame, ts_recv)
            return Received(received_ns, (rejected,)) if rejected else None
        except Unusable as error:
            return Received(received_ns, (self._conversation.rejected(frame, str(error), ts_recv),))
        return Received(received_ns, events) if events else None

    def _read_answer(self, frame: bytes, ts: int) -> FrameRejected | None:
        try:
            answer = self._dialect.answer(frame)
        except (Unusable, ValueError, RecursionError) as error:
            why = f"neither market data nor an answer: {clean(str(error), limit=200)}"
            return self._conversation.rejected(frame, why, ts)
        self.beats += 1
        self.leaving = self.leaving or answer.leaving
        if not self._conversation.answered(answer):
            return self._conversation.rejected(frame, "neither market data nor an answer to a request of ours", ts)
        return self._conversation.rejected(frame, answer.complaint, ts) if answer.complaint else None


class VenueConversation:
    """Some instruments' streams over one connection at a time."""

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        parser: Callable[[], FrameParser],
        mailbox: Mailbox,
        market: MarketClock,
        tap: Tap | None,
        numbers: Iterator[int],
        shed: Counter,
        on_lost: Callable[[], None],
        on_connected: Callable[[], None],
        is_quiet: Callable[[float], Awaitable[bool]],
    ) -> None:
        """numbers: gives each link of a stream another one.
        shed: counts frames that were dropped under overload.
        is_quiet: whether, when nothing came for so many seconds, there was really nothing to say.
        """
        self.name, self._dialect, self._exchange = name, dialect, dialect.exchange
        self.keep_alive = dialect.keep_alive
        self._instruments, self._channels = tuple(instruments), channels
        self._parser, self._mailbox, self._market, self._tap, self._shed = parser, mailbox, market, tap, shed
        self._numbers = numbers
        self._on_connected, self._on_lost, self._is_quiet = on_connected, on_lost, is_quiet
        self._ids = count(1)
        self._pending: set[str] = set()
        self._refused: str | None = None
        self._answered = asyncio.Event()
        self._mute: list[Instrument] = []
        """Told to be mute; subscribed to anew once everything is answered."""

    def ear(self) -> VenueEar:
        number = next(self._numbers)
        if self._tap is not None:
            opening = Opening(self._exchange, self._instruments, tuple(sorted(self._channels)))
            self._tap(self._market.now(), opening.frame(), number)
        return VenueEar(
            self,
            self._dialect,
            self._parser(),
            mailbox=self._mailbox,
            market=self._market,
            tap=self._tap,
            number=number,
            shed=self._shed,
        )

    def requests(self) -> Sequence[str]:
        self._pending.clear()
        self._refused = None
        self._answered.clear()
        return self._texts(self._dialect.requests(self._instruments, self._channels, self._ids, on=True))

    def again(self, instrument: Instrument, channels: frozenset[Channel]) -> Sequence[str]:
        """Requests that end ``channels`` (those of them that are subscribed to) of one instrument and begin anew.

        Of its trades that is told, as some were missed.
        """
        wanted = channels & self._channels
        if Channel.TRADE in wanted:
            self._mute.append(instrument)
            self._tell(FeedMute(self._exchange, self.name, instrument.id, self._market.now()))
        off = self._dialect.requests((instrument,), wanted, self._ids, on=False)
        on = self._dialect.requests((instrument,), wanted, self._ids, on=True)
        return self._texts((*off, *on))

    async def settled(self) -> None:
        if self._pending:
            await self._answered.wait()
        if self._refused is not None:
            raise ProtocolError(f"subscription refused: {self._refused}")

    def answered(self, answer: Answer) -> bool:
        """Take note of ``answer``; False when it answers nothing that we asked."""
        if answer.refused:
            self._refused = answer.refused
            self._all_answered()
            return True
        known = self._pending.intersection(answer.keys)
        self._pending -= known
        if not self._pending:
            self._all_answered()
        return bool(known) or not answer.keys

    async def quiet(self, silent_s: float) -> bool:
        return await self._is_quiet(silent_s)

    def connected(self) -> None:
        identities = tuple(instrument.id for instrument in self._instruments)
        channels = tuple(sorted(self._channels))
        self._tell(FeedConnected(self._exchange, self.name, channels, identities, self._market.now()))
        self._on_connected()

    def lost(self, reason: str) -> None:
        identities = tuple(instrument.id for instrument in self._instruments)
        channels = tuple(sorted(self._channels))
        self._tell(FeedLost(self._exchange, self.name, channels, identities, reason, self._market.now()))
        self._on_lost()

    def rejected(self, frame: bytes, reason: str, ts: int) -> FrameRejected:
        text = frame[: 4 * _QUOTED].decode(errors="replace")
        return FrameRejected(self._exchange, self.name, reason, clean(text, limit=_QUOTED), ts)

    def _all_answered(self) -> None:
        self._answered.set()
        mute, self._mute = self._mute, []
        for instrument in mute:
            self._tell(FeedRenewed(self._exchange, self.name, instrument.id, self._market.now()))

    def _texts(self, requests: Sequence[Request]) -> Sequence[str]:
        for request in requests:
            self._pending.update(request.awaits)
        return [request.text for request in requests]

    def _tell(self, event: FeedEvent) -> None:
        self._mailbox.put(Received(time.perf_counter_ns(), (event,)))
