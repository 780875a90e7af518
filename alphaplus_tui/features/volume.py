"""Features of volume: how much is traded, against how much ordinarily is."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import (
    DAY,
    delayed,
    log_ratio,
    mean_volume,
    ratio,
    returns,
    rolling_mean,
    rolling_sum,
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


def money_flow(panel: Panel, period: int) -> Floats:
    """Money flow index (Quong and Soudack), -1 to 1: 0 where nothing flowed."""
    typical = (panel.high + panel.low + panel.close) / 3
    change = np.diff(typical, prepend=typical[:1])
    flow = typical * panel.volume
    rising = rolling_sum(np.where(change > 0, flow, 0.0), period)
    falling = rolling_sum(np.where(change < 0, flow, 0.0), period)
    return np.clip(ratio(rising - falling, rising + falling), -1.0, 1.0)


def trades_against_the_day(panel: Panel, window: int) -> Floats:
    """How many trades there were, against the day's."""
    return np.log1p(ratio(rolling_mean(panel.trades, window), rolling_mean(panel.trades, DAY)))


def trade_size(panel: Panel, window: int) -> Floats:
    """The average trade against the day's."""
    now = ratio(rolling_sum(panel.volume, window), rolling_sum(panel.trades, window))
    day = ratio(rolling_sum(panel.volume, DAY), rolling_sum(panel.trades, DAY))
    return log_ratio(now, day)


def impact(panel: Panel, window: int) -> Floats:
    """How far the price moves per volume, against the day. Source: Amihud (2002)."""
    moved = np.abs(returns(panel))
    now = ratio(rolling_sum(moved, window), rolling_sum(panel.volume, window))
    day = ratio(rolling_sum(moved, DAY), rolling_sum(panel.volume, DAY))
    return log_ratio(now, day)


SPECS = (
    *(
        Feature(f"volume_{n}", f"volume of {n} candles against the day's", DAY, against_the_day, (n,))
        for n in (1, 6, 24, 72)
    ),
    Feature("volume_two_days", "volume of a day against that of two", 2 * DAY, day_against_two),
    Feature("volume_yesterday_ahead", "volume of yesterday at the coming time of day", DAY, yesterday_ahead),
    Feature("money_flow_14", "money flow of 14 candles", 15, money_flow, (14,)),
    Feature("impact_24", "movement per volume of 24 candles against the day's", DAY + 1, impact, (24,)),
    Feature("trades_6", "number of trades in 6 candles against the day's", DAY, trades_against_the_day, (6,)),
    Feature("trade_size_24", "average trade of 24 candles against the day's", DAY, trade_size, (24,)),
)
