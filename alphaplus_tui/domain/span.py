"""Sums up the trades of one span of time, exactly and in whatever order they come."""

from math import fsum

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe


class Span:
    """What is known of a span; ``candle`` freezes it."""

    __slots__ = (
        "_bought",
        "_first",
        "_last_seq",
        "_last_ts",
        "_sum",
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
        self._sum: list[float] = []
        self._bought: list[float] = []
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
        if ts > self._last_ts or (ts == self._last_ts and seq > self._last_seq):
            self._last_ts, self._last_seq, self.close = ts, seq, price
        elif (ts, seq) < self._first:
            self._first, self.open = (ts, seq), price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.trades += 1
        _add(self._sum, trade.quantity)
        if trade.side is Side.BUY:
            _add(self._bought, trade.quantity)
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
            fsum(self._sum),
            self.trades,
            fsum(self._bought),
            self.provenance,
            0 if forming else self.revision,
            forming,
            self.complete,
        )

    def _begin(self, trade: Trade) -> None:
        self.open = self.high = self.low = self.close = trade.price
        self._first = (trade.ts_event, trade.seq)
        self._last_ts, self._last_seq = trade.ts_event, trade.seq
        self._sum = [trade.quantity]
        self._bought = [trade.quantity] if trade.side is Side.BUY else []
        self.trades, self.provenance = 1, trade.provenance


def _add(partials: list[float], x: float) -> None:
    """Add ``x`` to a sum kept without rounding as a few floats that do not overlap.

    Source: J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic (1997), Grow-Expansion.
    """
    kept = 0
    for partial in partials:
        y = partial
        if abs(x) < abs(y):
            x, y = y, x
        high = x + y
        low = y - (high - x)
        if low:
            partials[kept] = low
            kept += 1
        x = high
    partials[kept:] = [x]
