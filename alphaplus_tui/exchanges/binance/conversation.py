"""What is said on one connection to Binance: subscriptions, their answers, and the market's frames."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.binance.frames import Answer
from alphaplus_tui.exchanges.binance.parser import PREFIX, NotMarketData, Parser, Unusable, is_trade
from alphaplus_tui.exchanges.binance.symbols import STREAMS, stream_name
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Counter
from alphaplus_tui.ports.market_data import FeedEvent, Received

_STREAMS_PER_REQUEST = 200
_QUOTED = 400
"""Characters of a rejected frame that are kept."""
_ANSWER = msgspec.json.Decoder(Answer)


class BinanceConversation:
    """Some instruments' streams over one connection at a time."""

    def __init__(
        self,
        name: str,
        exchange: str,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        parser: Parser,
        mailbox: Mailbox,
        market: MarketClock,
        tap: Tap | None,
        shed: Counter,
        on_connected: Callable[[Sequence[Instrument]], None],
        on_lost: Callable[[Sequence[Instrument]], None],
        is_quiet: Callable[[Sequence[Instrument]], Awaitable[bool]],
    ) -> None:
        """shed: counts frames that were dropped under overload.
        on_connected, on_lost: told whose streams.
        is_quiet: whether nothing trades in all of those.
        """
        self.name, self._exchange = name, exchange
        self._instruments, self._channels = tuple(instruments), channels
        self._parse, self._mailbox, self._market, self._tap = parser.read, mailbox, market, tap
        self._on_connected, self._on_lost, self._is_quiet = on_connected, on_lost, is_quiet
        self._shed = shed
        self._put_frame = mailbox.put_frame
        self.sparing = False
        self._last_id = 0
        self._pending: set[int] = set()
        self._refused: str | None = None
        self._answered = asyncio.Event()

    def requests(self) -> Sequence[str]:
        streams = [
            stream_name(instrument.venue_symbol, channel)
            for channel in STREAMS
            if channel in self._channels
            for instrument in self._instruments
        ]
        self._pending.clear()
        self._refused = None
        return [
            self.request("SUBSCRIBE", streams[start : start + _STREAMS_PER_REQUEST])
            for start in range(0, len(streams), _STREAMS_PER_REQUEST)
        ]

    def request(self, method: str, streams: Sequence[str]) -> str:
        """A request whose answer is awaited by ``settled``."""
        self._last_id += 1
        self._pending.add(self._last_id)
        self._answered.clear()
        return msgspec.json.encode({"method": method, "params": list(streams), "id": self._last_id}).decode()

    def again(self, instrument: Instrument) -> Sequence[str]:
        """Requests that end the streams of one instrument and begin them anew."""
        streams = [stream_name(instrument.venue_symbol, channel) for channel in STREAMS if channel in self._channels]
        return [self.request("UNSUBSCRIBE", streams), self.request("SUBSCRIBE", streams)]

    async def settled(self) -> None:
        await self._answered.wait()
        if self._refused is not None:
            raise ProtocolError(f"subscription refused: {self._refused}")

    def hear(self, frame: bytes) -> None:
        ts_recv = self._market.now()
        if self._tap is not None:
            self._tap(ts_recv, frame)
        if frame.startswith(PREFIX):
            if self.sparing and not is_trade(frame):
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
            return Received(received_ns, (self._rejected(frame, str(error), ts_recv),))
        return Received(received_ns, events) if events else None

    async def quiet(self) -> bool:
        return await self._is_quiet(self._instruments)

    def connected(self) -> None:
        identities = tuple(instrument.id for instrument in self._instruments)
        channels = tuple(sorted(self._channels))
        self._tell(FeedConnected(self._exchange, self.name, channels, identities, self._market.now()))
        self._on_connected(self._instruments)

    def lost(self, reason: str) -> None:
        identities = tuple(instrument.id for instrument in self._instruments)
        channels = tuple(sorted(self._channels))
        self._tell(FeedLost(self._exchange, self.name, channels, identities, reason, self._market.now()))
        self._on_lost(self._instruments)

    def _read_answer(self, frame: bytes, ts: int) -> FrameRejected | None:
        try:
            answer = _ANSWER.decode(frame)
        except (msgspec.DecodeError, ValueError) as error:
            return self._rejected(frame, f"neither market data nor an answer: {clean(str(error), limit=200)}", ts)
        if answer.error is not None or answer.code is not None:
            code, said = (answer.error.code, answer.error.msg) if answer.error else (answer.code, answer.msg)
            self._refused = f"{clean(said, limit=200)} (code {code})"
            self._answered.set()
            return None
        if answer.id not in self._pending:
            return self._rejected(frame, "neither market data nor an answer to a request of ours", ts)
        self._pending.discard(answer.id)
        if not self._pending:
            self._answered.set()
        return None

    def _rejected(self, frame: bytes, reason: str, ts: int) -> FrameRejected:
        text = frame[: 4 * _QUOTED].decode(errors="replace")
        return FrameRejected(self._exchange, self.name, reason, clean(text, limit=_QUOTED), ts)

    def _tell(self, event: FeedEvent) -> None:
        self._mailbox.put(Received(time.perf_counter_ns(), (event,)))
