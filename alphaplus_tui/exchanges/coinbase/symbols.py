"""Coinbase's names for timeframes and sides."""

from alphaplus_tui.domain.market import Side
from alphaplus_tui.domain.timeframe import Timeframe

GRANULARITIES: dict[Timeframe, str] = {
    Timeframe("1m"): "ONE_MINUTE",
    Timeframe("5m"): "FIVE_MINUTE",
    Timeframe("15m"): "FIFTEEN_MINUTE",
    Timeframe("30m"): "THIRTY_MINUTE",
    Timeframe("1h"): "ONE_HOUR",
    Timeframe("2h"): "TWO_HOUR",
    Timeframe("6h"): "SIX_HOUR",
    Timeframe("1d"): "ONE_DAY",
}
"""Candles that REST has."""

TOLD = Timeframe("5m")
"""Of the candles that are streamed, the only one; that one closed shows only when the next begins."""

TAKERS: dict[str, Side] = {"SELL": Side.BUY, "BUY": Side.SELL}
"""Coinbase names the side of the order that rested; who was in a hurry is the other one."""
