"""Random walks over days and minutes that any process can rebuild from a seed, in any order.

A walk is drawn from the top down: first its value at every midnight, then, for one day at a time, the 1,440
minute returns, a Brownian bridge in the clock of their own variance. So no earlier day is needed for a later one,
and the whole is distributed as if it had been drawn minute by minute.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.simulator.kinds import MarketKind

Floats = NDArray[np.float64]

FIRST_DAY = 17897
"""Days from 1970 to 2019-01-01, when the market opened."""
DAYS = 8_400
"""How many days the market goes on for."""
MINUTES = 1440
COMMON = -1
"""The number of the walk that all instruments share."""


def _fading(factor: float, length: int) -> Floats:
    """Weights that turn independent noise into noise that remembers, of the same variance."""
    weights = np.power(factor, np.arange(length))
    return weights / np.sqrt(np.sum(weights**2))


_SMOOTH = _fading(0.97, 150)
_SMOOTH_DAYS = _fading(0.9, 40)
_HOURS = np.sin((np.arange(MINUTES) / MINUTES - 0.36) * 2 * np.pi)


def random_for(seed: int, *key: int) -> np.random.Generator:
    """The generator that belongs to a part of the market; the same key gives the same numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, *(part + 1 for part in key)))))


@dataclass(frozen=True, slots=True)
class DayWalk:
    """One day of a walk."""

    returns: Floats
    """Log return of each minute, shape (1440,)."""
    variance: Floats
    """What each minute's return was drawn with, shape (1440,)."""
    liveliness: Floats
    """Relative variance of each minute, mean 1, shape (1440,)."""


class Walk:
    """The log of a price, or of what all prices share, from 2019 on."""

    def __init__(self, kind: MarketKind, seed: int, number: int, *, volatility: float, bound: float) -> None:
        self._kind, self._seed, self._number = kind, seed, number
        random = random_for(seed, 1, number)
        roughness = np.convolve(random.standard_normal(DAYS + len(_SMOOTH_DAYS)), _SMOOTH_DAYS, "valid")[:DAYS]
        self._variance: Floats = (volatility * regimes(kind, seed) * np.exp(kind.day_roughness * roughness)) ** 2
        steps = np.sqrt(self._variance) * random.standard_normal(DAYS)
        free = np.concatenate(([0.0], np.cumsum(steps))) + bound
        self.midnights: Floats = np.abs((free % (4 * bound)) - 2 * bound) - bound
        """The walk at the start of each day, folded back at ± ``bound``; shape (DAYS + 1,)."""

    def day(self, day: int) -> DayWalk:
        """The minutes of one day; ``day`` counts from the market's first."""
        random = random_for(self._seed, 2, self._number, day)
        clusters = np.convolve(random.standard_normal(MINUTES + len(_SMOOTH) - 1), _SMOOTH, "valid")
        weights = np.exp(2 * self._kind.minute_roughness * clusters) * (1.0 + self._kind.day_swing * _HOURS)
        weights /= weights.sum()
        variance = self._variance[day] * weights
        returns = np.sqrt(variance) * random.standard_normal(MINUTES)
        step = self.midnights[day + 1] - self.midnights[day]
        returns += weights * (step - returns.sum())
        return DayWalk(returns, variance, weights * MINUTES)


@lru_cache(maxsize=4)
def regimes(kind: MarketKind, seed: int) -> Floats:
    """The volatility's multiplier on each day, the same for every walk of a market."""
    random = random_for(seed, 0)
    lasting = random.geometric(1 / kind.regime_days, DAYS)
    multipliers = random.choice(np.array(kind.regimes), DAYS)
    return np.repeat(multipliers, lasting)[:DAYS]
