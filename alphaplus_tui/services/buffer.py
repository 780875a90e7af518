"""Holds what waits to be written, so that batches can be made of it."""

from itertools import islice
from time import perf_counter_ns

from alphaplus_tui.domain.coverage import CoveredTime
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Provenance, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.ports.store import Batch, GapRecord, ServiceEvent

BATCH_ROWS = 20_000
PAST_ROWS = 1_000
"""Candles of the past that go out with a batch: what is live waits for them a few hundredths of a second."""

_TRADE_BYTES = 300
_CANDLE_BYTES = 300
_BOOK_BYTES = 6_000
_OTHER_BYTES = 300


class WriteBuffer:
    """Rows in the order of their arrival, the past behind the present; of a candle or a gap only its last word."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.candles: dict[tuple[InstrumentId, Timeframe, int], Candle] = {}
        self.past: dict[tuple[InstrumentId, Timeframe, int], Candle] = {}
        """Candles of the exchange's past, which are many at a start and in no hurry."""
        self.gaps: dict[tuple[InstrumentId, int], GapRecord] = {}
        self.books: list[OrderBook] = []
        self.service_events: list[ServiceEvent] = []
        self.covered: list[CoveredTime] = []
        """Goes out with the last of the trades that it speaks of."""
        self._came: list[int] = []  # perf_counter_ns of each trade; 0: not live

    def __len__(self) -> int:
        others = len(self.gaps) + len(self.books) + len(self.service_events) + len(self.covered)
        return len(self.trades) + len(self.candles) + len(self.past) + others

    @property
    def is_behind(self) -> bool:
        """Whether the next batch should go out at once."""
        return bool(self.past) or len(self) >= BATCH_ROWS

    @property
    def bytes_used(self) -> int:
        """About."""
        return (
            len(self.trades) * _TRADE_BYTES
            + (len(self.candles) + len(self.past)) * _CANDLE_BYTES
            + len(self.books) * _BOOK_BYTES
            + (len(self.gaps) + len(self.service_events) + len(self.covered)) * _OTHER_BYTES
        )

    def add_trade(self, trade: Trade) -> None:
        self.trades.append(trade)
        self._came.append(0 if trade.provenance is Provenance.BACKFILLED else perf_counter_ns())

    def add_candle(self, candle: Candle) -> None:
        self.candles[candle.instrument, candle.timeframe, candle.open_time] = candle

    def add_past(self, candle: Candle) -> None:
        self.past[candle.instrument, candle.timeframe, candle.open_time] = candle

    def take(self, past_rows: int = PAST_ROWS) -> tuple[Batch, list[int]]:
        """At most ``BATCH_ROWS`` trades and candles, ``past_rows`` of the past and all of the rest, and when each trade
        came.
        """
        trades, self.trades = self.trades[:BATCH_ROWS], self.trades[BATCH_ROWS:]
        came, self._came = self._came[:BATCH_ROWS], self._came[BATCH_ROWS:]
        candles = (*_first(self.candles, BATCH_ROWS), *_first(self.past, past_rows))
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


def _first(candles: dict[tuple[InstrumentId, Timeframe, int], Candle], count: int) -> list[Candle]:
    """Taken out of ``candles``."""
    return [candles.pop(key) for key in list(islice(candles, count))]
