"""Features of range and mean reversion: where the price stands between its extremes."""

import numpy as np
import talib

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import DAY, log_close, ratio, rolling_deviation, rolling_mean, volatility


def place(panel: Panel, window: int) -> Floats:
    """Of the close between lowest low and highest high, -1 to 1; absent where they are equal."""
    low = talib.MIN(panel.low, timeperiod=window)
    return 2 * ratio(panel.close - low, talib.MAX(panel.high, timeperiod=window) - low) - 1


def width(panel: Panel, window: int) -> Floats:
    """From lowest low to highest high, in units of the volatility over that many candles."""
    height = np.log(talib.MAX(panel.high, timeperiod=window) / talib.MIN(panel.low, timeperiod=window))
    return ratio(height, volatility(panel) * np.sqrt(window))


def band(panel: Panel, window: int) -> Floats:
    """Distance from the mean in standard deviations of the price (Bollinger); absent where it stood still."""
    price = log_close(panel) - log_close(panel)[0]
    return ratio(price - rolling_mean(price, window), rolling_deviation(price, window))


def body(panel: Panel) -> Floats:
    """From open to close of the last candle, in units of the day's volatility."""
    return ratio(np.log(panel.close / panel.open), volatility(panel))


def wicks(panel: Panel) -> Floats:
    """The upper shadow of the last candle less the lower, in units of the day's volatility."""
    top, bottom = np.maximum(panel.open, panel.close), np.minimum(panel.open, panel.close)
    return ratio(np.log(panel.high / top) - np.log(bottom / panel.low), volatility(panel))


SPECS = (
    *(Feature(f"place_{n}", f"place of the price in the range of {n} candles", n, place, (n,)) for n in (72, DAY)),
    Feature("width_24", "width of the range of 24 candles", DAY + 1, width, (24,)),
    Feature("width_144", "width of the range of 144 candles", DAY + 1, width, (144,)),
    Feature("band_20", "distance from the mean of 20 candles in deviations", 20, band, (20,)),
    Feature("band_100", "distance from the mean of 100 candles in deviations", 100, band, (100,)),
    Feature("body", "from open to close of the last candle", DAY + 1, body),
    Feature("wicks", "shadows of the last candle, upper less lower", DAY + 1, wicks),
)
