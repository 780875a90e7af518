"""Writes what a market says now: instruments, prices, books, tapes."""

from collections.abc import Sequence

from alphaplus_tui.domain.events import (
    InstrumentsKnown,
    OrderBookChanged,
    StatisticsChanged,
    TickerChanged,
    TradeAccepted,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.state.slices import BookRow, InstrumentRow, PriceRow, TapeRow
from alphaplus_tui.state.store import StateStore

_TAPE_SIZE = 100
_SPARKLINE_SIZE = 60


class _Now:
    """The latest of one instrument, to be frozen into a row."""

    __slots__ = (
        "ask",
        "ask_quantity",
        "bid",
        "bid_quantity",
        "direction",
        "high",
        "instrument",
        "last",
        "last_changed",
        "low",
        "newest_seq",
        "open",
        "quote_volume",
        "sparkline",
        "tape",
        "trades",
        "ts_event",
        "ts_recv",
        "volume",
    )

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.last: float | None = None
        self.direction = 0
        self.bid: float | None = None
        self.bid_quantity: float | None = None
        self.ask: float | None = None
        self.ask_quantity: float | None = None
        self.open: float | None = None
        self.high: float | None = None
        self.low: float | None = None
        self.volume: float | None = None
        self.quote_volume: float | None = None
        self.trades = 0
        self.ts_event = self.ts_recv = 0
        self.last_changed = 0.0
        self.sparkline: tuple[float, ...] = ()
        self.tape: tuple[Trade, ...] = ()
        self.newest_seq = -1

    def row(self) -> PriceRow:
        last = self.last
        return PriceRow(
            self.instrument,
            last,
            self.direction,
            self.bid,
            self.bid_quantity,
            self.ask,
            self.ask_quantity,
            (last / self.open - 1.0) * 100.0 if last is not None and self.open else None,
            self.high,
            self.low,
            self.volume,
            self.quote_volume,
            self.trades,
            self.ts_event,
            self.ts_recv,
            self.last_changed,
            self.sparkline,
        )


class MarketRows:
    """The slices ``instruments``, ``prices``, ``books`` and ``tapes``."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state, self._monotonic = state, clock.monotonic
        self._now: dict[InstrumentId, _Now] = {}

    def on_instruments(self, event: InstrumentsKnown) -> None:
        for position, instrument in enumerate(event.instruments):
            self._state.instruments.put(instrument.id, InstrumentRow(instrument, position))
            if instrument.id not in self._state.prices:
                self._state.prices.put(instrument.id, self._of(instrument.id).row())

    def on_trade(self, event: TradeAccepted) -> None:
        trade = event.trade
        now = self._now.get(trade.instrument) or self._of(trade.instrument)
        now.trades += 1
        if trade.seq > now.newest_seq:
            now.newest_seq = trade.seq
            price = trade.price
            if price != now.last:
                if now.last is not None:
                    now.direction = 1 if price > now.last else -1
                    now.last_changed = self._monotonic()
                now.last = price
            self._touch(now, trade.ts_event, trade.ts_recv)
            now.tape = (trade, *now.tape[: _TAPE_SIZE - 1])
        elif len(now.tape) == _TAPE_SIZE and trade.seq < now.tape[-1].seq:
            return  # long ago: nothing here shows it
        else:
            now.tape = tuple(sorted((*now.tape, trade), key=lambda t: t.seq, reverse=True)[:_TAPE_SIZE])
        self._state.prices.put(trade.instrument, now.row())
        self._state.tapes.put(trade.instrument, TapeRow(trade.instrument, now.tape))

    def on_ticker(self, event: TickerChanged) -> None:
        ticker = event.ticker
        now = self._now.get(ticker.instrument) or self._of(ticker.instrument)
        now.bid, now.bid_quantity = ticker.bid, ticker.bid_quantity
        now.ask, now.ask_quantity = ticker.ask, ticker.ask_quantity
        self._touch(now, ticker.ts_event, ticker.ts_recv)
        self._state.prices.put(ticker.instrument, now.row())

    def on_statistics(self, event: StatisticsChanged) -> None:
        day = event.statistics
        now = self._of(day.instrument)
        now.open, now.high, now.low = day.open, day.high, day.low
        now.volume, now.quote_volume = day.volume, day.quote_volume
        if now.last is None:
            now.last = day.last
        self._touch(now, day.ts_event, day.ts_recv)
        self._state.prices.put(day.instrument, now.row())

    def on_book(self, event: OrderBookChanged) -> None:
        book = event.book
        self._state.books.put(
            book.instrument,
            BookRow(
                book.instrument,
                tuple([(level.price, level.quantity) for level in book.bids]),
                tuple([(level.price, level.quantity) for level in book.asks]),
                book.sequence,
                book.ts_event,
                book.ts_recv,
            ),
        )

    def on_numbering_restarted(self, instrument: InstrumentId) -> None:
        self._of(instrument).newest_seq = -1
        self._of(instrument).tape = ()

    def set_sparkline(self, instrument: InstrumentId, closes: Sequence[float]) -> None:
        """closes: of the last candles of the shortest timeframe, oldest first."""
        now = self._of(instrument)
        now.sparkline = tuple(closes[-_SPARKLINE_SIZE:])
        self._state.prices.put(instrument, now.row())

    def _of(self, instrument: InstrumentId) -> _Now:
        now = self._now.get(instrument)
        if now is None:
            now = self._now[instrument] = _Now(instrument)
        return now

    @staticmethod
    def _touch(now: _Now, ts_event: int, ts_recv: int) -> None:
        now.ts_event = max(now.ts_event, ts_event)
        now.ts_recv = max(now.ts_recv, ts_recv)
