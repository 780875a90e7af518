"""What takers' flow does to the price: it follows the flow slowly, so whoever saw the flow knows a part of the way.

The flow of an instrument is a walk of its own, of constant volatility. The price takes over of it, minute by minute,
a fixed share of what it has not yet taken over, which is called the *pull*: a fading sum of the flow's last hours.
So drift is a function of recorded flow alone, and any day can be drawn without the days before the last.
"""

from dataclasses import dataclass, replace

import numpy as np

from alphaplus_tui.simulator.kinds import MarketKind
from alphaplus_tui.simulator.walks import MINUTES, Floats, Walk

_FLOW = 1000
"""Numbers of flow walks begin here, behind those of the instruments' own walks."""


@dataclass(frozen=True, slots=True)
class DayImpact:
    """One day of one instrument."""

    flow: Floats
    """Of each minute, in its standard deviations, shape (1440,)."""
    pull: Floats
    """What the price has not yet taken over at each minute's end, as a logarithm, shape (1440,)."""
    drift: Floats
    """What each minute's log return has of it, known a minute before, shape (1440,)."""
    midnights: Floats
    """What the price has taken over in all, at the day's start and end, shape (2,)."""


class Impact:
    """The flow of one instrument, and the price's way behind it."""

    def __init__(self, kind: MarketKind, seed: int, number: int) -> None:
        self._walk: Walk | None = None
        self.fading = float(np.exp(-1 / kind.impact_minutes))
        """What is left of the pull after a minute without flow."""
        self.step = kind.impact_volatility / np.sqrt(MINUTES)
        """Standard deviation of a minute's flow, as a logarithm."""
        if kind.impact_volatility:
            steady = replace(kind, regimes=(1.0,), day_roughness=0.0, minute_roughness=0.0, day_swing=0.0)
            self._walk = Walk(steady, seed, _FLOW + number, volatility=kind.impact_volatility, bound=0.45)

    def day(self, number: int) -> DayImpact:
        """The day ``number``, counted from the market's first."""
        if self._walk is None:
            nothing = np.zeros(MINUTES)
            return DayImpact(nothing, nothing, nothing, np.zeros(2))
        flow = self._walk.day(number).returns
        before = self._faded(self._walk.day(number - 1).returns)[-1] if number else 0.0
        new = self._faded(flow)
        # what was left at midnight fades to nothing within the day, so the next one need not know of it
        pull = new + before * self.fading ** np.arange(1, MINUTES + 1)
        drift = (1 - self.fading) * np.concatenate(([before], pull[:-1]))
        edges = self._walk.midnights[number : number + 2] - np.array([before, new[-1]])
        return DayImpact(flow / self.step, pull, drift, edges)

    def _faded(self, flow: Floats) -> Floats:
        """The fading sum of a day's flow at each minute's end, from nothing at midnight."""
        ages = np.arange(MINUTES)
        return self.fading**ages * np.cumsum(flow * self.fading**-ages)
