"""Sums up the trades of one span of time, exactly and in whatever order they come."""

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe

_UNITS = 1e12
_UNITS_INT = 10**12


class Span:
    """What is known of a span; ``candle`` freezes it."""

    __slots__ = (
        "_bought",
        "_first",
        "_last_seq",
        "_last_ts",
        "_volume",
        "close",
        "complete",
        "dirty",
        "end",
        "high",
        "low",
        "open",
        "open_time",
        "provenance",
        "replaced",
        "revision",
        "trades",
    )

    def __init__(self, opens: int, ends: int, price: float) -> None:
        """Flat at ``price`` until a trade is taken."""
        self.open_time, self.end = opens, ends
        self.open = self.high = self.low = self.close = price
        self.revision = -1  # not told yet
        self.complete, self.dirty, self.replaced = True, False, False
        self.trades, self.provenance = 0, Provenance.FLAT
        self._volume = self._bought = 0  # in units of 1e-12: whole numbers add up to the same in any order
        self._first: tuple[int, int] = (0, 0)
        self._last_ts: int = 0
        self._last_seq: int = 0

    def move(self, price: float) -> None:
        """Nothing traded here, and the price before was another one."""
        self.open = self.high = self.low = self.close = price

    def take(self, trade: Trade) -> None:
        """Add a trade of this span."""
        if not self.trades:
            self._begin(trade)
            return
        ts, seq, price = trade.ts_event, trade.seq, trade.price
        if ts > self._last_ts or (ts == self._last_ts and seq >= self._last_seq):
            self._last_ts, self._last_seq, self.close = ts, seq, price
        elif (ts, seq) < self._first:
            self._first, self.open = (ts, seq), price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.trades += 1
        quantity = round(trade.quantity * _UNITS)
        self._volume += quantity
        if trade.side is Side.BUY:
            self._bought += quantity
        if trade.provenance is not Provenance.BACKFILLED:
            self.provenance = trade.provenance

    def candle(self, instrument: InstrumentId, timeframe: Timeframe, *, forming: bool) -> Candle:
        return Candle(
            instrument,
            timeframe,
            self.open_time,
            self.open,
            self.high,
            self.low,
            self.close,
            self._volume / _UNITS_INT,
            self.trades,
            self._bought / _UNITS_INT,
            self.provenance,
            0 if forming else self.revision,
            forming,
            self.complete,
        )

    def _begin(self, trade: Trade) -> None:
        self.open = self.high = self.low = self.close = trade.price
        self._first = (trade.ts_event, trade.seq)
        self._last_ts, self._last_seq = trade.ts_event, trade.seq
        self._volume = round(trade.quantity * _UNITS)
        self._bought = self._volume if trade.side is Side.BUY else 0
        self.trades, self.provenance = 1, trade.provenance
