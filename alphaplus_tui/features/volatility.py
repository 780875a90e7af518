"""Features of volatility: how much the price moves, against how much it ordinarily does."""

import numpy as np

from alphaplus_tui.features.indicators import talib
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import LONGEST_LOOKBACK, LONGEST_SLOW_LOOKBACK, Feature, on_slower, slow_lookback
from alphaplus_tui.features.windows import (
    DAY,
    delayed,
    log_ratio,
    ratio,
    returns,
    rolling_deviation,
    rolling_mean,
    rolling_sum,
    squares,
    volatility,
)

AHEAD = 24
"""Candles of yesterday that began when the coming ones begin."""


def level(panel: Panel) -> Floats:
    """Logarithm of the day's volatility per candle."""
    return log_ratio(volatility(panel), np.ones(len(panel)))


def against_the_day(panel: Panel, window: int) -> Floats:
    return log_ratio(volatility(panel, window), volatility(panel))


def day_against_two(panel: Panel) -> Floats:
    return log_ratio(volatility(panel), volatility(panel, 2 * DAY))


def parkinson(panel: Panel, window: int) -> Floats:
    """Volatility from high and low, against the day's. Source: Parkinson (1980)."""
    square = np.square(np.log(panel.high / panel.low)) / (4 * np.log(2))
    return log_ratio(np.sqrt(np.maximum(rolling_mean(square, window), 0.0)), volatility(panel))


def garman_klass(panel: Panel, window: int) -> Floats:
    """Volatility from open, high, low and close, against the day's. Source: Garman and Klass (1980)."""
    span, body = np.log(panel.high / panel.low), np.log(panel.close / panel.open)
    square = 0.5 * np.square(span) - (2 * np.log(2) - 1) * np.square(body)
    return log_ratio(np.sqrt(np.maximum(rolling_mean(square, window), 0.0)), volatility(panel))


def candle_range(panel: Panel) -> Floats:
    """Height of the last candle, in units of the day's volatility."""
    return ratio(np.log(panel.high / panel.low), volatility(panel))


def true_range(panel: Panel, period: int) -> Floats:
    """Wilder's average true range, in units of the day's volatility of the price."""
    average = talib.ATR(panel.high, panel.low, panel.close, timeperiod=period)
    return ratio(average, panel.close * volatility(panel))


def slow_true_range(panel: Panel, period: int) -> Floats:
    def of(slow: Panel) -> Floats:
        return talib.ATR(slow.high, slow.low, slow.close, timeperiod=period) / slow.close

    return ratio(on_slower(panel, of), volatility(panel))


def downside(panel: Panel, window: int) -> Floats:
    """The share of falling candles in the squared returns, -1 to 1."""
    falling = rolling_sum(np.where(returns(panel) < 0, squares(panel), 0.0), window)
    return 1 - 2 * np.clip(ratio(falling, rolling_sum(squares(panel), window)), 0.0, 1.0)


def largest_move(panel: Panel, window: int) -> Floats:
    """The largest return of the window whatever its sign, in units of the day's volatility."""
    return ratio(talib.MAX(np.abs(returns(panel)), timeperiod=window), volatility(panel))


def unsteadiness(panel: Panel, window: int) -> Floats:
    """Deviation of the absolute returns against their mean: how clustered the movement is."""
    size = np.abs(returns(panel))
    return ratio(rolling_deviation(size, window), rolling_mean(size, window))


def yesterday_ahead(panel: Panel) -> Floats:
    """Volatility of yesterday's candles at the time of day that comes next, against the day's."""
    ahead = np.sqrt(np.maximum(rolling_mean(squares(panel), AHEAD), 0.0))
    return ratio(delayed(ahead, DAY - AHEAD), volatility(panel))


SPECS = (
    Feature("volatility", "volatility of a day per candle, logarithm", DAY + 1, level),
    *(
        Feature(f"volatility_{n}", f"volatility of {n} candles against the day's", DAY + 1, against_the_day, (n,))
        for n in (6, 12, 24, 144)
    ),
    Feature("volatility_two_days", "volatility of a day against that of two", 2 * DAY + 1, day_against_two),
    Feature("parkinson_12", "volatility from highs and lows of 12 candles", DAY + 1, parkinson, (12,)),
    Feature("garman_klass_48", "volatility from whole candles, 48 of them", DAY + 1, garman_klass, (48,)),
    Feature("range", "height of the last candle", DAY + 1, candle_range),
    Feature("atr_14", "average true range of 14 candles", LONGEST_LOOKBACK, true_range, (14,)),
    Feature(
        "slow_atr_10",
        "average true range of 10 longer candles",
        slow_lookback(LONGEST_SLOW_LOOKBACK),
        slow_true_range,
        (10,),
    ),
    Feature("downside_48", "how one-sided the movement of 48 candles was", 49, downside, (48,)),
    Feature("largest_move_24", "largest return of 24 candles", DAY + 1, largest_move, (24,)),
    Feature("unsteadiness_72", "how clustered the movement of 72 candles was", 73, unsteadiness, (72,)),
    Feature("yesterday_ahead", "volatility of yesterday at the coming time of day", DAY + 1, yesterday_ahead),
)
