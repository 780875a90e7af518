"""Tells trades that cannot be from those that can."""

from math import isfinite

from alphaplus_tui.domain.market import Trade
from alphaplus_tui.domain.timeframe import DAY_NS

_ABSURD_RATIO = 10.0
_BELIEVE_AFTER = 20
"""So many trades in a row near the same new price are a new price, not an error."""


class PriceLevel:
    """Remembers at which price an instrument trades, and judges each trade against it."""

    __slots__ = ("_last", "_other", "_others")

    def __init__(self) -> None:
        self._last = 0.0
        self._other = 0.0
        self._others = 0

    def wrong_with(self, trade: Trade, now: int | None) -> str:
        """Why the trade cannot be; empty when it can. ``now``: None where an old time is expected."""
        price = trade.price
        if not (0.0 < price < 1e15 and 0.0 < trade.quantity < 1e18):  # NaN and infinity fail as well
            return _wrong_number(trade)
        if now is not None and not -DAY_NS < trade.ts_event - now < DAY_NS:
            return "its time is more than a day off"
        last = self._last
        if last and not last < price * _ABSURD_RATIO < last * (_ABSURD_RATIO * _ABSURD_RATIO):
            return self._absurd(price)
        if now is not None:
            self._last = price
            self._others = 0
        return ""

    def _absurd(self, price: float) -> str:
        near = self._other and 1 / _ABSURD_RATIO < price / self._other < _ABSURD_RATIO
        self._others = self._others + 1 if near else 1
        self._other = price
        if self._others > _BELIEVE_AFTER:
            self._last, self._others = price, 0
            return ""
        return f"its price {price} is absurdly far from {self._last}"


def _wrong_number(trade: Trade) -> str:
    name, value = ("price", trade.price) if not 0.0 < trade.price < 1e15 else ("quantity", trade.quantity)
    return f"its {name} is {value}" if isfinite(value) else f"its {name} is not a number"
