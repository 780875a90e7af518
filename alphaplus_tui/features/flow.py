"""Features of flow: who was in a hurry, buyers or sellers."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import ratio, rolling_sum


def imbalance(panel: Panel, window: int) -> Floats:
    """What takers bought less what they sold, as a share of the volume: -1 to 1; absent where nothing traded."""
    traded = rolling_sum(panel.volume, window)
    return np.clip(2 * ratio(rolling_sum(panel.buy_volume, window), traded) - 1, -1.0, 1.0)


def recent_imbalance(panel: Panel, window: int) -> Floats:
    """The same, candles weighted down the older they are (linearly), each by its own share."""
    share = np.where(panel.volume > 0, 2 * ratio(panel.buy_volume, panel.volume) - 1, panel.buy_volume * 0)
    # the sum of the last k shares, added up for k = 1..window, gives the newest the weight window, the oldest 1
    unknown = np.isnan(share)
    weights = np.arange(1, window + 1)  # convolve turns them round: the newest gets the last
    total = np.full(len(share), np.nan)
    if len(share) >= window:
        total[window - 1 :] = np.convolve(np.where(unknown, 0.0, share), weights[::-1], mode="valid")
        if unknown.any():
            total[np.isnan(rolling_sum(share, window))] = np.nan
    return total / weights.sum()


def close_in_range(panel: Panel, window: int) -> Floats:
    """Volume weighted by where candles close between low and high (Chaikin): -1 to 1; absent without volume."""
    height = panel.high - panel.low
    place = np.where(height > 0, 2 * ratio(panel.close - panel.low, height) - 1, 0.0)
    return np.clip(ratio(rolling_sum(place * panel.volume, window), rolling_sum(panel.volume, window)), -1.0, 1.0)


SPECS = (
    *(Feature(f"imbalance_{n}", f"net buying of takers over {n} candles", n, imbalance, (n,)) for n in (3, 12, 48)),
    *(
        Feature(
            f"recent_imbalance_{n}",
            f"net buying of takers over {n} candles, the newest most",
            n,
            recent_imbalance,
            (n,),
        )
        for n in (6, 24, 72)
    ),
    Feature("close_in_range_24", "where 24 candles closed in their range, by volume", 24, close_in_range, (24,)),
)
