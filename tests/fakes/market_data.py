"""A market that says what a test tells it to, behind the market data port."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Channel, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import AlphaPlusError, UnknownName
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.ports.market_data import FeedEvent, Received


def an_instrument(symbol: str = "BTC/USDT", *, exchange: str = "fake") -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(exchange, symbol, base + quote, base, quote, 0.01, 0.00001)


def a_trade(
    instrument: InstrumentId,
    seq: int,
    *,
    price: float = 100.0,
    quantity: float = 1.0,
    side: Side = Side.BUY,
    ts_event: int = 0,
    provenance: Provenance = Provenance.LIVE,
) -> Trade:
    """ts_event: 0 is ``seq`` seconds after 2024-01-01."""
    ts = ts_event or 1_704_067_200_000_000_000 + seq * 1_000_000_000
    return Trade(instrument, str(seq), seq, price, quantity, side, ts, ts + 1_000_000, provenance)


class FakeMarketData:
    """``say`` is heard by all streams; REST answers from ``past`` (trades by seq) and ``history`` (candles)."""

    def __init__(self, *instruments: Instrument, exchange: str = "fake") -> None:
        self.exchange = exchange
        self.told_timeframe: Timeframe | None = None
        self.known = {instrument.symbol: instrument for instrument in instruments or (an_instrument(),)}
        self.past: dict[InstrumentId, dict[int, Trade]] = {}
        self.history: dict[tuple[InstrumentId, Timeframe], list[Candle]] = {}
        self.offset_ns = 0
        self.failures: deque[AlphaPlusError] = deque()
        """Raised by the next REST calls, one each."""
        self.asked: list[str] = []
        """REST calls in order, as ``trades fake:BTC/USDT 17``."""
        self.asked_since: list[int] = []
        """Of each call for trades the moment it named."""
        self.past_begins = 0
        """REST serves no trade with a lower ``seq``."""
        self.subscribed: list[tuple[tuple[Instrument, ...], frozenset[Channel]]] = []
        self.closed = False
        self._streams: list[Mailbox] = []

    def say(self, *events: FeedEvent) -> None:
        """One frame that says ``events``, to every open stream."""
        for mailbox in self._streams:
            mailbox.put(Received(time.perf_counter_ns(), events))

    def trade(self, trade: Trade, *, heard: bool = True) -> None:
        """It happens: REST has it from now on, and the streams say it unless it is not ``heard``."""
        past = self.past.setdefault(trade.instrument, {})
        # without numbers several trades share one: any other key will do
        alike = trade.seq in past and past[trade.seq].trade_id != trade.trade_id
        past[-len(past) - 1 if alike else trade.seq] = trade
        if heard:
            self.say(trade)

    def end(self) -> None:
        """The recording ends."""
        for mailbox in self._streams:
            mailbox.close()

    def break_streams(self, error: BaseException) -> None:
        """The iterators raise ``error``, as only a defect does."""
        for mailbox in self._streams:
            mailbox.fail(error)

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        await self._rest(f"instruments {','.join(symbols)}")
        for symbol in symbols:
            if symbol not in self.known:
                raise UnknownName(f"symbol on {self.exchange}", symbol, self.known)
        return tuple(self.known[symbol] for symbol in symbols) if symbols else tuple(self.known.values())

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._opened(tuple(instruments), channels)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        await self._rest(f"candles {instrument.id} {timeframe}")
        found = [c for c in self.history.get((instrument.id, timeframe), []) if c.open_time >= since]
        return tuple(structs.replace(candle, provenance=Provenance.BACKFILLED) for candle in found[:limit])

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        await self._rest(f"trades {instrument.id} {from_seq}")
        self.asked_since.append(since)
        past = sorted(self.past.get(instrument.id, {}).values(), key=lambda trade: trade.seq)
        found = [trade for trade in past if trade.seq >= max(from_seq, self.past_begins)][: min(limit, 1000)]
        return tuple(structs.replace(trade, provenance=Provenance.BACKFILLED) for trade in found)

    async def clock_offset_ns(self) -> int:
        await self._rest("clock")
        return self.offset_ns

    async def close(self) -> None:
        self.closed = True

    @asynccontextmanager
    async def _opened(
        self, instruments: tuple[Instrument, ...], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        self.subscribed.append((instruments, channels))
        mailbox = Mailbox()
        self._streams.append(mailbox)
        try:
            yield mailbox
        finally:
            self._streams.remove(mailbox)

    async def _rest(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.popleft()
