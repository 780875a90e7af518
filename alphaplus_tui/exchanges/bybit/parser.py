"""Turns Bybit's frames into what the market says."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Side, Ticker, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.bybit.frames import BookData, BookFrame, CandleFrame, TickerFrame, TradeFrame
from alphaplus_tui.exchanges.bybit.symbols import INTERVALS, KLINE, TOLD, topics_of
from alphaplus_tui.exchanges.bybit.tickers import Tickers
from alphaplus_tui.exchanges.shared.book import Book, Outcome, Rule
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.own_candles import told_candle
from alphaplus_tui.exchanges.shared.parsing import (
    LARGEST_FRAME,
    LARGEST_ID,
    Events,
    NotAskedFor,
    NotMarketData,
    Unusable,
    another,
    check_levels,
    check_trade,
    moment,
    to_ns,
)
from alphaplus_tui.exchanges.shared.pulses import Pulse, Pulses

PREFIX = b'{"topic":"'
"""How market data begins."""
SPOT_PREFIX = b'{"type":"snapshot","topic":"'
"""How candles of the spot market begin."""
TRADES = "publicTrade"
_NAME_FROM = len(PREFIX)
_SNAPSHOT = "snapshot"
_RESTARTED = 1
"""The number of a book that begins anew after the venue's own restart, whatever its frame is called."""
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}

# strict=False: numbers come as strings
_TRADES = Decoder(TradeFrame, strict=False)
_BOOK = Decoder(BookFrame, strict=False)
_TICKERS = Decoder(TickerFrame)
_CANDLES = Decoder(CandleFrame, strict=False)

Route = Callable[[bytes, int], Events]
"""Reads the frames of one topic: the frame, UTC ns of its receipt."""


class _Topic(msgspec.Struct):
    topic: str = ""


_TOPIC = Decoder(_Topic)


def _follow(sequence: int, change: BookData) -> int | None:
    """Each change is numbered one more than the one before it (seen without exception in recorded sessions)."""
    return change.update_id if change.update_id <= sequence + 1 else None


def _follow_best(sequence: int, change: BookData) -> int:
    """Best prices replace each other: what was skipped does not matter."""
    return max(sequence, change.update_id)


BOOK_RULE = Rule(_follow, waits=False)
_BEST_RULE = Rule(_follow_best, waits=False)


class BybitParser:
    """Reads the frames of one connection; its instruments are all spot or all linear."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        books: Books,
        pulses: Pulses | None = None,
    ) -> None:
        self._books, self._channels = books, channels
        self._routes: dict[bytes, Route] = {}
        for instrument in instruments:
            pulse = pulses.of(instrument.id) if pulses else Pulse(instrument)
            routes = {
                TRADES: lambda i=instrument, p=pulse: _trades(i, p),
                "tickers": lambda i=instrument: _tickers(i, channels),
                KLINE: lambda i=instrument: _candles(i),
                "orderbook.1": lambda i=instrument: self._best(i),
                "orderbook.200": lambda i=instrument: self._changes(i),
            }
            for topic in topics_of(instrument, channels):
                self._routes[topic.encode()] = routes[topic.rpartition(".")[0]]()

    def read(self, frame: bytes, ts_recv: int) -> Events:
        try:
            start = _NAME_FROM if frame.startswith(PREFIX) else len(SPOT_PREFIX) * frame.startswith(SPOT_PREFIX)
            if start:
                route = self._routes.get(frame[start : frame.find(b'"', start, 140)])
                if route is not None and len(frame) <= LARGEST_FRAME:
                    return route(frame, ts_recv)
            return self._read_unusual(frame, ts_recv)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            raise Unusable(f"not as expected: {clean(str(error), limit=200)}") from error

    def _read_unusual(self, frame: bytes, ts_recv: int) -> Events:
        if len(frame) > LARGEST_FRAME:
            raise Unusable(f"{len(frame):,} bytes: larger than any frame may be")
        name = _TOPIC.decode(frame).topic
        if not name:
            raise NotMarketData
        route = self._routes.get(name.encode(errors="replace"))
        if route is None:
            raise NotAskedFor(f"topic {clean(name, limit=80)!r} was not asked for")
        return route(frame, ts_recv)

    def _changes(self, instrument: Instrument) -> Route:
        change, symbol, decode = self._books.change_of(instrument), instrument.venue_symbol, _BOOK.decode

        def read(frame: bytes, ts_recv: int) -> Events:
            said = decode(frame)
            data, ts_event = _checked(said, symbol, ts_recv)
            if said.type == _SNAPSHOT or data.update_id == _RESTARTED:
                return self._books.snapshot(
                    instrument, data.update_id, data.bids, data.asks, ts_event=ts_event, ts_recv=ts_recv
                )
            return change(data, ts_event, ts_recv)

        return read

    def _best(self, instrument: Instrument) -> Route:
        book, symbol, decode = Book(instrument.id, _BEST_RULE), instrument.venue_symbol, _BOOK.decode

        def read(frame: bytes, ts_recv: int) -> Events:
            said = decode(frame)
            data, ts_event = _checked(said, symbol, ts_recv)
            was_right = book.synced
            if said.type == _SNAPSHOT or data.update_id == _RESTARTED:
                outcome = book.snapshot(data.update_id, data.bids, data.asks)
            else:
                outcome = book.change(data)
            if outcome is Outcome.BROKEN:
                self._books.lost(instrument)
            elif book.synced and not was_right and Channel.BOOK not in self._channels:
                self._books.found(instrument)
            bids, asks = book.bids.top(1), book.asks.top(1)
            if outcome is not Outcome.APPLIED or not bids or not asks:
                return ()
            bid, ask = bids[0], asks[0]
            return (Ticker(instrument.id, bid.price, bid.quantity, ask.price, ask.quantity, 0, ts_event, ts_recv),)

        return read


def _checked(said: BookFrame, symbol: str, ts_recv: int) -> tuple[BookData, int]:
    """What the frame holds and its moment (UTC ns). Raises Unusable."""
    data = said.data
    if data.symbol != symbol:
        raise Unusable(another(data.symbol, symbol))
    if not 0 < data.update_id <= LARGEST_ID:
        raise Unusable(f"update number {data.update_id}: cannot be")
    check_levels(data.bids)
    check_levels(data.asks)
    return data, moment(said.matched_at or said.time, ts_recv)


def _trades(instrument: Instrument, pulse: Pulse) -> Route:
    identity, symbol, decode = instrument.id, instrument.venue_symbol, _TRADES.decode

    def read(frame: bytes, ts_recv: int) -> Events:
        trades: list[Trade] = []
        for data in decode(frame).data:
            if data.symbol != symbol:
                raise Unusable(another(data.symbol, symbol))
            side = _SIDES.get(data.side)
            if side is None or not 0 < len(data.trade_id) <= 64:
                raise Unusable(f"side {clean(data.side, limit=20)!r}, id {clean(data.trade_id, limit=80)!r}: cannot be")
            check_trade(data.price, data.quantity)
            ts_event = moment(data.time, ts_recv)
            trade_id = clean(data.trade_id, limit=64)
            trades.append(Trade(identity, trade_id, ts_event, data.price, data.quantity, side, ts_event, ts_recv))
        if trades:
            pulse.trades += len(trades)
            pulse.last_seq = max(pulse.last_seq, trades[-1].seq)
        return tuple(trades)

    return read


def _tickers(instrument: Instrument, channels: frozenset[Channel]) -> Route:
    tickers, symbol, decode = Tickers(instrument, channels), instrument.venue_symbol, _TICKERS.decode

    def read(frame: bytes, ts_recv: int) -> Events:
        said = decode(frame)
        if said.data.symbol != symbol:
            raise Unusable(another(said.data.symbol, symbol))
        ts_event = moment(said.time, ts_recv)
        if said.type == _SNAPSHOT:
            return tickers.snapshot(said.data, ts_event, ts_recv)
        return tickers.delta(said.data, ts_event, ts_recv)

    return read


def _candles(instrument: Instrument) -> Route:
    decode, interval = _CANDLES.decode, INTERVALS[TOLD]

    def read(frame: bytes, ts_recv: int) -> Events:
        candles: list[Candle] = []
        for data in decode(frame).data:
            if data.interval != interval:
                raise Unusable(f"a candle of {clean(data.interval, limit=20)!r} among those of {TOLD}")
            prices = data.open, data.high, data.low, data.close
            forming, opened = not data.confirm, to_ns(data.start)
            candles.append(
                told_candle(instrument, TOLD, opened, prices, volume=data.volume, forming=forming, ts_recv=ts_recv)
            )
        return tuple(candles)

    return read
