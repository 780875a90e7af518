"""Turns Kraken's frames into what the market says."""

from collections.abc import Sequence

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.instrument import Instrument, decimals
from alphaplus_tui.domain.market import Channel, DayStatistics, Side, Ticker, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.kraken.book import Change, Digits, forget_gone, read_levels
from alphaplus_tui.exchanges.kraken.frames import (
    BookFrame,
    BookRow,
    Frame,
    OhlcFrame,
    TickerFrame,
    TickerRow,
    TradeFrame,
)
from alphaplus_tui.exchanges.kraken.symbols import MINUTES, TOLD
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.own_candles import told_candle
from alphaplus_tui.exchanges.shared.parsing import (
    DAY_NS,
    LARGEST_FRAME,
    LARGEST_ID,
    Events,
    NotAskedFor,
    NotMarketData,
    Unusable,
    check_best,
    check_day,
    check_trade,
    near,
)
from alphaplus_tui.exchanges.shared.pulses import Pulse, Pulses
from alphaplus_tui.exchanges.shared.times import rfc3339_ns
from alphaplus_tui.ports.market_data import FeedEvent

_FRAME = Decoder(Frame)
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_SNAPSHOT = "snapshot"


class KrakenParser:
    """Reads the frames of one connection."""

    def __init__(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], *, books: Books, pulses: Pulses
    ) -> None:
        names = {instrument.venue_symbol: instrument for instrument in instruments}
        tape, book = Channel.TRADE in channels, Channel.BOOK in channels
        self._tapes = {name: _Tape(i, pulses.of(i.id)) for name, i in names.items() if tape}
        self._books = {name: _BookReader(i, books) for name, i in names.items() if book}
        self._charts = names if Channel.CANDLE in channels else {}
        self._tickers = {name: _TickerReader(i, channels) for name, i in names.items()}

    def read(self, frame: bytes, ts_recv: int) -> Events:
        if len(frame) > LARGEST_FRAME:
            raise Unusable(f"{len(frame):,} bytes: larger than any frame may be")
        try:
            said = _FRAME.decode(frame)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise _not_a_frame(frame, error) from error
        try:
            match said:
                case TradeFrame():
                    return self._trades(said, ts_recv)
                case BookFrame():
                    return self._changes(said, ts_recv)
                case TickerFrame():
                    return self._best(said, ts_recv)
                case OhlcFrame():
                    return self._candles(said, ts_recv)
                case _:
                    raise NotMarketData
        except (ValueError, OverflowError) as error:
            raise Unusable(f"not as expected: {clean(str(error), limit=200)}") from error

    def _trades(self, frame: TradeFrame, ts_recv: int) -> Events:
        before = frame.type == _SNAPSHOT
        events: list[FeedEvent] = []
        for row in frame.data:
            tape = self._tapes.get(row.symbol)
            if tape is None:
                raise _not_asked_for("trade", row.symbol)
            ts_event = rfc3339_ns(row.timestamp)
            if before and not tape.missed(row.trade_id, ts_event, ts_recv):
                continue
            side = _SIDES.get(row.side)
            if side is None:
                raise Unusable(f"side {clean(row.side, limit=20)!r}: cannot be")
            if not 0 <= row.trade_id <= LARGEST_ID:
                raise Unusable(f"trade number {row.trade_id}: cannot be")
            check_trade(row.price, row.quantity)
            near(ts_event, ts_recv)
            number = row.trade_id
            trade = Trade(tape.identity, str(number), number, row.price, row.quantity, side, ts_event, ts_recv)
            events.append(trade)
            tape.heard(number)
        return tuple(events)

    def _changes(self, frame: BookFrame, ts_recv: int) -> Events:
        events: Events = ()
        for row in frame.data:
            reader = self._books.get(row.symbol)
            if reader is None:
                raise _not_asked_for("book", row.symbol)
            events += reader.read(row, frame.type == _SNAPSHOT, ts_recv)
        return events

    def _best(self, frame: TickerFrame, ts_recv: int) -> Events:
        events: Events = ()
        for row in frame.data:
            reader = self._tickers.get(row.symbol)
            if reader is None:
                raise _not_asked_for("ticker", row.symbol)
            events += reader.read(row, ts_recv)
        return events

    def _candles(self, frame: OhlcFrame, ts_recv: int) -> Events:
        events: list[FeedEvent] = []
        for row in frame.data:
            instrument = self._charts.get(row.symbol)
            if instrument is None:
                raise _not_asked_for("ohlc", row.symbol)
            if row.interval != MINUTES[TOLD]:
                raise Unusable(f"a candle of {row.interval} minutes among those of {TOLD}")
            prices, opened = (row.open, row.high, row.low, row.close), rfc3339_ns(row.interval_begin)
            events.append(
                told_candle(instrument, TOLD, opened, prices, volume=row.volume, trades=row.trades, ts_recv=ts_recv)
            )
        return tuple(events)


class _Tape:
    """The trades of one instrument."""

    def __init__(self, instrument: Instrument, pulse: Pulse) -> None:
        self.identity, self._pulse = instrument.id, pulse

    def missed(self, number: int, ts_event: int, ts_recv: int) -> bool:
        """Whether a trade from before the subscription is one that an earlier connection did not live to bring."""
        return 0 <= self._pulse.last_seq < number and ts_recv - ts_event < DAY_NS

    def heard(self, number: int) -> None:
        self._pulse.trades += 1
        self._pulse.last_seq = number


class _BookReader:
    """The book of one instrument, and how its numbers were written."""

    def __init__(self, instrument: Instrument, books: Books) -> None:
        self._instrument, self._books = instrument, books
        self._book, self._change = books.of(instrument.id), books.change_of(instrument)
        self._bids: Digits = {}
        self._asks: Digits = {}

    def read(self, row: BookRow, snapshot: bool, ts_recv: int) -> Events:
        ts_event = near(rfc3339_ns(row.timestamp), ts_recv) if row.timestamp else ts_recv
        if snapshot:
            self._bids, self._asks = {}, {}
        bids, asks = read_levels(row.bids, self._bids), read_levels(row.asks, self._asks)
        change = Change(bids, asks, row.checksum, self._bids, self._asks)
        if snapshot:
            sequence = self._book.sequence + 1
            return self._books.snapshot(
                self._instrument, sequence, bids, asks, ts_event=ts_event, ts_recv=ts_recv, said=change
            )
        events = self._change(change, ts_event, ts_recv)
        self._bids, self._asks = forget_gone(self._bids, self._book.bids), forget_gone(self._asks, self._book.asks)
        return events


class _TickerReader:
    """Best prices of one instrument and its last 24 hours, which come together."""

    def __init__(self, instrument: Instrument, channels: frozenset[Channel]) -> None:
        self._identity, self._digits = instrument.id, decimals(instrument.price_step)
        self._wants_best, self._wants_day = Channel.TICKER in channels, Channel.STATISTICS in channels
        self._day: tuple[float, ...] = ()

    def read(self, row: TickerRow, ts_recv: int) -> Events:
        ts_event = near(rfc3339_ns(row.timestamp), ts_recv) if row.timestamp else ts_recv
        events: Events = ()
        if self._wants_best and row.bid != 0.0 and row.ask != 0.0:  # 0: that side of the book is empty
            check_best(row.bid, row.bid_quantity, row.ask, row.ask_quantity)
            events = (
                Ticker(self._identity, row.bid, row.bid_quantity, row.ask, row.ask_quantity, 0, ts_event, ts_recv),
            )
        day = (row.last, row.change, row.high, row.low, row.volume, row.vwap)
        if self._wants_day and row.last != 0.0 and day != self._day:
            events = (*events, self._day_of(row, ts_event, ts_recv))
            self._day = day
        return events

    def _day_of(self, row: TickerRow, ts_event: int, ts_recv: int) -> DayStatistics:
        opened, quote_volume = round(row.last - row.change, self._digits), row.volume * row.vwap
        prices = (("open", opened), ("high", row.high), ("low", row.low), ("last", row.last))
        check_day(prices, row.volume, quote_volume)
        return DayStatistics(
            self._identity, opened, row.high, row.low, row.last, row.volume, quote_volume, ts_event, ts_recv
        )


def _not_a_frame(frame: bytes, error: Exception) -> Exception:
    """What ``frame`` is, since it is none of those that are read here."""
    beginning = frame[:400]
    if b'"method"' in beginning:
        return NotMarketData()
    if beginning.lstrip().startswith(b"[") or b'"event"' in beginning:
        return Unusable("version 1 of Kraken's protocol: not supported")
    if b'"feed"' in beginning:
        return Unusable("a frame of Kraken's futures: not supported")
    return Unusable(f"not as expected: {clean(str(error), limit=200)}")


def _not_asked_for(channel: str, symbol: str) -> NotAskedFor:
    return NotAskedFor(f"{channel} of {clean(symbol, limit=40)!r} was not asked for")
