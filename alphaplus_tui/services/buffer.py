"""Holds what waits to be written, so that batches can be made of it."""

from time import perf_counter_ns

from alphaplus_tui.domain.coverage import CoveredTime
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Provenance, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.ports.store import Batch, GapRecord, ServiceEvent

BATCH_ROWS = 20_000

_TRADE_BYTES = 300
_CANDLE_BYTES = 300
_BOOK_BYTES = 6_000
_OTHER_BYTES = 300


class WriteBuffer:
    """Rows in the order of their arrival; of a candle or a gap only its last word."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.candles: dict[tuple[InstrumentId, Timeframe, int], Candle] = {}
        self.gaps: dict[tuple[InstrumentId, int], GapRecord] = {}
        self.books: list[OrderBook] = []
        self.service_events: list[ServiceEvent] = []
        self.covered: list[CoveredTime] = []
        """Goes out with the last of the trades that it speaks of."""
        self._came: list[int] = []  # perf_counter_ns of each trade; 0: not live

    def __len__(self) -> int:
        others = len(self.gaps) + len(self.books) + len(self.service_events) + len(self.covered)
        return len(self.trades) + len(self.candles) + others

    @property
    def bytes_used(self) -> int:
        """About."""
        return (
            len(self.trades) * _TRADE_BYTES
            + len(self.candles) * _CANDLE_BYTES
            + len(self.books) * _BOOK_BYTES
            + (len(self.gaps) + len(self.service_events) + len(self.covered)) * _OTHER_BYTES
        )

    def add_trade(self, trade: Trade) -> None:
        self.trades.append(trade)
        self._came.append(0 if trade.provenance is Provenance.BACKFILLED else perf_counter_ns())

    def add_candle(self, candle: Candle) -> None:
        self.candles[candle.instrument, candle.timeframe, candle.open_time] = candle

    def take(self) -> tuple[Batch, list[int]]:
        """At most ``BATCH_ROWS`` trades and candles and all of the rest, and when each trade came."""
        trades, self.trades = self.trades[:BATCH_ROWS], self.trades[BATCH_ROWS:]
        came, self._came = self._came[:BATCH_ROWS], self._came[BATCH_ROWS:]
        keys = list(self.candles)[:BATCH_ROWS]
        candles = tuple(self.candles.pop(key) for key in keys)
        covered, self.covered = ((), self.covered) if self.trades else (tuple(self.covered), [])
        batch = Batch(
            tuple(trades),
            candles,
            tuple(self.gaps.values()),
            tuple(self.books),
            tuple(self.service_events),
            covered=covered,
        )
        self.gaps, self.books, self.service_events = {}, [], []
        return batch, came

    def drop_trades_and_books(self) -> tuple[Trade, ...]:
        """Make room; the trades are told to who asked."""
        trades = tuple(self.trades)
        self.trades, self._came, self.books, self.covered = [], [], [], []
        return trades
