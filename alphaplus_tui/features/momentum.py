"""Features of momentum: how far the price has come, in units of its ordinary movement."""

import numpy as np

from alphaplus_tui.features.indicators import talib
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import LONGEST_LOOKBACK, LONGEST_SLOW_LOOKBACK, Feature, on_slower, slow_lookback
from alphaplus_tui.features.windows import DAY, delayed, log_close, ratio, volatility


def past_return(panel: Panel, candles: int) -> Floats:
    """Log return over the last candles, divided by the volatility of a day times the root of their number."""
    change = log_close(panel) - delayed(log_close(panel), candles)
    return ratio(change, volatility(panel) * np.sqrt(candles))


def relative_strength(panel: Panel, period: int) -> Floats:
    """Wilder's relative strength index, from -1 to 1."""
    return talib.RSI(panel.close, timeperiod=period) / 50 - 1


def slow_relative_strength(panel: Panel, period: int) -> Floats:
    return on_slower(panel, relative_strength, period)


def convergence(panel: Panel, fast: int, slow: int, signal: int) -> Floats:
    """Histogram of MACD (Appel), in units of the day's volatility of the price."""
    _, _, histogram = talib.MACD(panel.close, fastperiod=fast, slowperiod=slow, signalperiod=signal)
    return ratio(histogram, panel.close * volatility(panel))


def slow_convergence(panel: Panel, fast: int, slow: int, signal: int) -> Floats:
    slower = panel.slower()
    if not len(slower.panel):
        return np.full(len(panel), np.nan)

    def of(slow_panel: Panel) -> Floats:
        _, _, histogram = talib.MACD(slow_panel.close, fastperiod=fast, slowperiod=slow, signalperiod=signal)
        return histogram / slow_panel.close

    return ratio(on_slower(panel, of), volatility(panel))


SPECS = (
    *(
        Feature(f"return_{n}", f"return of {n} candles in units of volatility", max(n, DAY) + 1, past_return, (n,))
        for n in (1, 3, 6, 12, 24, 72, 144, DAY)
    ),
    Feature("rsi_14", "relative strength index of 14 candles", LONGEST_LOOKBACK, relative_strength, (14,)),
    Feature(
        "slow_rsi_10",
        "relative strength index of 10 longer candles",
        slow_lookback(LONGEST_SLOW_LOOKBACK),
        slow_relative_strength,
        (10,),
    ),
    Feature("macd", "MACD histogram of 12, 26 and 9 candles", LONGEST_LOOKBACK, convergence, (12, 26, 9)),
    Feature(
        "slow_macd",
        "MACD histogram of 12, 20 and 9 longer candles",
        slow_lookback(LONGEST_SLOW_LOOKBACK),
        slow_convergence,
        (12, 20, 9),
    ),
)
