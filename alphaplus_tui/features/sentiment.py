"""Features of the news: how much is said, how good it is, and whether that turns; as known by each candle's close."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import DAY, rolling_sum


def mood(panel: Panel, window: int) -> Floats:
    """Mean score of the headlines of a window and one neutral one, which counts where few were seen: -1 to 1."""
    seen = rolling_sum(panel.headlines, window)
    return np.clip(rolling_sum(panel.mood, window) / (seen + 1), -1.0, 1.0)


def mood_turn(panel: Panel, window: int) -> Floats:
    """The mood of late less that of the day."""
    return mood(panel, window) - mood(panel, DAY)


def headlines(panel: Panel, window: int) -> Floats:
    """Logarithm of how many headlines came, and one."""
    return np.log1p(np.maximum(np.rint(rolling_sum(panel.headlines, window)), 0.0))


SPECS = (
    *(Feature(f"mood_{n}", f"mood of the headlines of {n} candles", n, mood, (n,)) for n in (24, 72, DAY)),
    Feature("mood_turn_24", "mood of the headlines of 24 candles less the day's", DAY, mood_turn, (24,)),
    *(Feature(f"headlines_{n}", f"how many headlines came in {n} candles", n, headlines, (n,)) for n in (24, DAY)),
)
