"""Turns Coinbase's frames into what the market says."""

from collections.abc import Sequence

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.instrument import Instrument, decimals
from alphaplus_tui.domain.market import Channel, DayStatistics, Ticker, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.exchanges.coinbase.book import Window
from alphaplus_tui.exchanges.coinbase.frames import (
    CHANNELS,
    BookEvent,
    BookFrame,
    ChartFrame,
    Frame,
    Numbered,
    TickerFrame,
    TickerRow,
    TradeRow,
    TradesFrame,
)
from alphaplus_tui.exchanges.coinbase.numbering import Numbering
from alphaplus_tui.exchanges.coinbase.symbols import TAKERS, TOLD
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.own_candles import told_candle
from alphaplus_tui.exchanges.shared.parsing import (
    DAY_NS,
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

LARGEST_FRAME = 32 * 2**20
"""Bytes. A whole book of the busiest market has five million."""
_FRAME, _NUMBERED = Decoder(Frame, strict=False), Decoder(Numbered)
_SNAPSHOT = "snapshot"


class CoinbaseParser:
    """Reads the frames of one connection. Several instruments may share a product: its frames are told for each."""

    def __init__(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], *, books: Books, pulses: Pulses
    ) -> None:
        self._numbering = Numbering()
        self._booked = tuple(instruments) if Channel.BOOK in channels else ()
        self._all_books = books
        self._tapes: dict[str, list[_Tape]] = {}
        self._books: dict[str, list[_BookReader]] = {}
        self._tickers: dict[str, list[_TickerReader]] = {}
        self._charts: dict[str, list[Instrument]] = {}
        for instrument in instruments:
            name = instrument.venue_symbol
            if Channel.TRADE in channels:
                self._tapes.setdefault(name, []).append(_Tape(instrument, pulses.of(instrument.id)))
            if Channel.BOOK in channels:
                self._books.setdefault(name, []).append(_BookReader(instrument, books))
            if Channel.CANDLE in channels:
                self._charts.setdefault(name, []).append(instrument)
            if channels & {Channel.TICKER, Channel.STATISTICS}:
                self._tickers.setdefault(name, []).append(_TickerReader(instrument, channels))

    def read(self, frame: bytes, ts_recv: int) -> Events:
        if len(frame) > LARGEST_FRAME:
            raise Unusable(f"{len(frame):,} bytes: larger than any frame may be")
        try:
            said = _FRAME.decode(frame)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise self._not_a_frame(frame, error) from error
        try:
            match said:
                case TradesFrame() | TickerFrame() | BookFrame() | ChartFrame():
                    if self._numbering.lost(said.sequence_num):
                        self._begin_books_anew()
                    return self._read(said, ts_recv)
                case _:
                    self._numbering.read_early(said.sequence_num)
                    raise NotMarketData
        except (ValueError, OverflowError) as error:
            raise Unusable(f"not as expected: {clean(str(error), limit=200)}") from error

    def _read(self, frame: TradesFrame | TickerFrame | BookFrame | ChartFrame, ts_recv: int) -> Events:
        match frame:
            case TradesFrame():
                return self._trades(frame, ts_recv)
            case BookFrame():
                return self._changes(frame, ts_recv)
            case TickerFrame():
                return self._best(frame, ts_recv)
            case ChartFrame():
                return self._candles(frame, ts_recv)

    def _not_a_frame(self, frame: bytes, error: Exception) -> Exception:
        """What ``frame`` is, since it is none of those that are read here."""
        beginning = frame[:200]
        if b'"channel"' not in beginning and b'"error"' in beginning:
            return NotMarketData()
        try:
            other = _NUMBERED.decode(frame)
        except (msgspec.DecodeError, ValueError, RecursionError):
            other = None
        if other is not None and other.channel not in CHANNELS:
            self._numbering.read_early(other.sequence_num)
            return Unusable(f"channel {clean(other.channel, limit=40)!r}: not supported")
        return Unusable(f"not as expected: {clean(str(error), limit=200)}")

    def _begin_books_anew(self) -> None:
        for instrument in self._booked:
            self._all_books.lost(instrument)

    def _trades(self, frame: TradesFrame, ts_recv: int) -> Events:
        events: list[FeedEvent] = []
        for event in frame.events:
            # the newest comes first
            for row in sorted(event.trades, key=_number):
                tapes = self._tapes.get(row.product_id)
                if tapes is None:
                    raise _not_asked_for("market_trades", row.product_id)
                ts_event = rfc3339_ns(row.time)
                events += [
                    tape.read(row, ts_event, ts_recv)
                    for tape in tapes
                    if event.type != _SNAPSHOT or tape.missed(row.trade_id, ts_event, ts_recv)
                ]
        return tuple(events)

    def _changes(self, frame: BookFrame, ts_recv: int) -> Events:
        ts_event = near(rfc3339_ns(frame.timestamp), ts_recv)
        events: Events = ()
        for event in frame.events:
            readers = self._books.get(event.product_id)
            if readers is None:
                raise _not_asked_for("level2", event.product_id)
            for reader in readers:
                events += reader.read(event, ts_event, ts_recv)
        return events

    def _best(self, frame: TickerFrame, ts_recv: int) -> Events:
        ts_event = near(rfc3339_ns(frame.timestamp), ts_recv)
        events: Events = ()
        for row in (row for event in frame.events for row in event.tickers):
            readers = self._tickers.get(row.product_id)
            if readers is None:
                raise _not_asked_for("ticker", row.product_id)
            for reader in readers:
                events += reader.read(row, ts_event, ts_recv)
        return events

    def _candles(self, frame: ChartFrame, ts_recv: int) -> Events:
        events: list[FeedEvent] = []
        for row in (row for event in frame.events for row in event.candles):
            instruments = self._charts.get(row.product_id)
            if instruments is None:
                raise _not_asked_for("candles", row.product_id)
            prices, opened = (row.open, row.high, row.low, row.close), row.start * SECOND_NS
            events += [
                told_candle(instrument, TOLD, opened, prices, volume=row.volume, ts_recv=ts_recv)
                for instrument in instruments
            ]
        return tuple(events)


class _Tape:
    """The trades of one instrument."""

    def __init__(self, instrument: Instrument, pulse: Pulse) -> None:
        self._identity, self._pulse = instrument.id, pulse

    def missed(self, number: int, ts_event: int, ts_recv: int) -> bool:
        """Whether a trade from before the subscription is one that an earlier connection did not live to bring."""
        return 0 <= self._pulse.last_seq < number and ts_recv - ts_event < DAY_NS

    def read(self, row: TradeRow, ts_event: int, ts_recv: int) -> Trade:
        side, number = TAKERS.get(row.side), row.trade_id
        if side is None:
            raise Unusable(f"side {clean(row.side, limit=20)!r}: cannot be")
        if not 0 <= number <= LARGEST_ID:
            raise Unusable(f"trade number {number}: cannot be")
        check_trade(row.price, row.size)
        near(ts_event, ts_recv)
        self._pulse.trades += 1
        self._pulse.last_seq = number
        return Trade(self._identity, str(number), number, row.price, row.size, side, ts_event, ts_recv)


class _BookReader:
    """The book of one instrument."""

    def __init__(self, instrument: Instrument, books: Books) -> None:
        self._instrument, self._books = instrument, books
        self._book, self._change = books.of(instrument.id), books.change_of(instrument)
        self._window = Window()

    def read(self, event: BookEvent, ts_event: int, ts_recv: int) -> Events:
        if event.type == _SNAPSHOT:
            whole, sequence = self._window.cut(event.updates), self._book.sequence + 1
            return self._books.snapshot(
                self._instrument, sequence, whole.bids, whole.asks, ts_event=ts_event, ts_recv=ts_recv
            )
        if not self._book.synced:
            return ()
        events = self._change(self._window.change(event.updates), ts_event, ts_recv)
        if self._book.synced and self._window.is_worn_out(self._book):
            self._books.lost(self._instrument)
        return events


class _TickerReader:
    """Best prices of one instrument and its last 24 hours, which come together."""

    def __init__(self, instrument: Instrument, channels: frozenset[Channel]) -> None:
        self._identity, self._digits = instrument.id, decimals(instrument.price_step)
        self._wants_best, self._wants_day = Channel.TICKER in channels, Channel.STATISTICS in channels
        self._day: tuple[float, ...] = ()

    def read(self, row: TickerRow, ts_event: int, ts_recv: int) -> Events:
        bid, bid_quantity, ask, ask_quantity = (
            row.best_bid, row.best_bid_quantity, row.best_ask, row.best_ask_quantity,
        )  # fmt: skip
        events: Events = ()
        if self._wants_best and bid != 0.0 and ask != 0.0:  # 0: that side of the book is empty
            check_best(bid, bid_quantity, ask, ask_quantity)
            events = (Ticker(self._identity, bid, bid_quantity, ask, ask_quantity, 0, ts_event, ts_recv),)
        day = (row.price, row.volume, row.low, row.high, row.change_percent)
        if self._wants_day and row.price != 0.0 and day != self._day:
            events = (*events, self._day_of(row, ts_event, ts_recv))
            self._day = day
        return events

    def _day_of(self, row: TickerRow, ts_event: int, ts_recv: int) -> DayStatistics:
        """What was turned over in quote units is not sent; volume times the middle of the day's range is near it."""
        if not -100.0 < row.change_percent < 1e9:
            raise Unusable(f"a change of {row.change_percent!r} %: cannot be")
        opened = round(row.price / (1.0 + row.change_percent / 100.0), self._digits)
        quote_volume = row.volume * (row.low + row.high) / 2.0
        prices = (("open", opened), ("high", row.high), ("low", row.low), ("last", row.price))
        check_day(prices, row.volume, quote_volume)
        return DayStatistics(
            self._identity, opened, row.high, row.low, row.price, row.volume, quote_volume, ts_event, ts_recv
        )


def _number(row: TradeRow) -> int:
    return row.trade_id


def _not_asked_for(channel: str, product: str) -> NotAskedFor:
    return NotAskedFor(f"{channel} of {clean(product, limit=40)!r} was not asked for")
