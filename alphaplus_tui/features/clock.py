"""Features of the clock: the time of the day and of the week, going round."""

import numpy as np

from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature


def sine(panel: Panel, days: int) -> Floats:
    return np.sin(_angle(panel, days))


def cosine(panel: Panel, days: int) -> Floats:
    return np.cos(_angle(panel, days))


def _angle(panel: Panel, days: int) -> Floats:
    period = days * DAY_NS
    return (panel.close_time % period).astype(np.float64) * (2 * np.pi / period)


SPECS = (
    Feature("day_sine", "time of the day (UTC)", 1, sine, (1,), clock=True),
    Feature("day_cosine", "time of the day (UTC)", 1, cosine, (1,), clock=True),
    Feature("week_sine", "time of the week (UTC)", 1, sine, (7,), clock=True),
    Feature("week_cosine", "time of the week (UTC)", 1, cosine, (7,), clock=True),
)
