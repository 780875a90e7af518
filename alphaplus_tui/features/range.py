"""Features of range and mean reversion: where the price stands between its extremes."""

import numpy as np

from alphaplus_tui.features.indicators import talib
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


SPECS = (
    Feature("place_288", "place of the price in the range of 288 candles", DAY, place, (DAY,)),
    Feature("width_144", "width of the range of 144 candles", DAY + 1, width, (144,)),
    Feature("band_20", "distance from the mean of 20 candles in deviations", 20, band, (20,)),
)
