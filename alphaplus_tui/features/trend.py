"""Features of trend: how straight the price goes, and how far it is from its own average."""

import numpy as np

from alphaplus_tui.features.indicators import talib
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import LONGEST_LOOKBACK, LONGEST_SLOW_LOOKBACK, Feature, on_slower, slow_lookback
from alphaplus_tui.features.windows import delayed, log_close, ratio, returns, rolling_sum, volatility


def distance(panel: Panel, period: int) -> Floats:
    """From the exponential average of the price, in units of the day's volatility."""
    return ratio(np.log(panel.close / talib.EMA(panel.close, timeperiod=period)), volatility(panel))


def slow_distance(panel: Panel, period: int) -> Floats:
    """From the exponential average of the longer candles."""

    def of(slow: Panel) -> Floats:
        return np.log(talib.EMA(slow.close, timeperiod=period))

    return ratio(log_close(panel) - on_slower(panel, of), volatility(panel))


def strength(panel: Panel, period: int) -> Floats:
    """Wilder's average directional index, 0 to 1."""
    return talib.ADX(panel.high, panel.low, panel.close, timeperiod=period) / 100


def slow_strength(panel: Panel, period: int) -> Floats:
    return on_slower(panel, strength, period)


def efficiency(panel: Panel, window: int) -> Floats:
    """How straight the way was, with its sign (Kaufman), -1 to 1; absent where nothing moved."""
    way = rolling_sum(np.abs(returns(panel)), window)
    return np.clip(ratio(log_close(panel) - delayed(log_close(panel), window), way), -1.0, 1.0)


SPECS = (
    *(
        Feature(f"ema_distance_{n}", f"distance from the average of {n} candles", LONGEST_LOOKBACK, distance, (n,))
        for n in (10, 50)
    ),
    Feature(
        "slow_ema_distance_20",
        "distance from the average of 20 longer candles",
        slow_lookback(LONGEST_SLOW_LOOKBACK),
        slow_distance,
        (20,),
    ),
    Feature("adx_14", "strength of the trend over 14 candles", LONGEST_LOOKBACK, strength, (14,)),
    Feature(
        "slow_adx_10",
        "strength of the trend over 10 longer candles",
        slow_lookback(LONGEST_SLOW_LOOKBACK),
        slow_strength,
        (10,),
    ),
    Feature("efficiency_144", "how straight the price went over 144 candles", 145, efficiency, (144,)),
)
