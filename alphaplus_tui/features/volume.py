"""Features of volume: how much is traded, against how much ordinarily is."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import (
    DAY,
    delayed,
    mean_volume,
    ratio,
    rolling_mean,
)

AHEAD = 24


def against_the_day(panel: Panel, window: int) -> Floats:
    """Mean volume of the window against the day's, on a scale where none at all is 0."""
    return np.log1p(ratio(mean_volume(panel, window), mean_volume(panel, DAY)))


def day_against_two(panel: Panel) -> Floats:
    return np.log1p(ratio(mean_volume(panel, DAY), mean_volume(panel, 2 * DAY)))


def yesterday_ahead(panel: Panel) -> Floats:
    """Volume of yesterday at the time of day that comes next, against the day's."""
    return np.log1p(ratio(delayed(mean_volume(panel, AHEAD), DAY - AHEAD), mean_volume(panel, DAY)))


def trades_against_the_day(panel: Panel, window: int) -> Floats:
    """How many trades there were, against the day's."""
    return np.log1p(ratio(rolling_mean(panel.trades, window), rolling_mean(panel.trades, DAY)))


SPECS = (
    *(
        Feature(f"volume_{n}", f"volume of {n} candles against the day's", DAY, against_the_day, (n,))
        for n in (1, 6, 24, 72)
    ),
    Feature("volume_two_days", "volume of a day against that of two", 2 * DAY, day_against_two),
    Feature("volume_yesterday_ahead", "volume of yesterday at the coming time of day", DAY, yesterday_ahead),
    Feature("trades_6", "number of trades in 6 candles against the day's", DAY, trades_against_the_day, (6,)),
)
