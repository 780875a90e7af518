"""How sure a mean is: bootstrap over days, Wilson's interval."""

from math import sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.statistics.scores import Floats

DRAWS = 4000
_Z = 1.959963984540054  # of a two-sided interval of 95 %


class Estimate(Struct, frozen=True):
    """A mean and its 95 % interval; None where there is nothing to tell it from."""

    mean: float | None
    low: float | None
    high: float | None
    rows: int


def bootstrap_mean(values: Floats, days: NDArray[np.int64], *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """The mean of ``values``, resampling whole days: what happens within one day is not independent.

    values, days: shape (n,); days are numbers that rows of one day share, all instruments together.
    With fewer than two days there is no interval, only the mean.
    """
    if not len(values):
        return Estimate(None, None, None, 0)
    _, day = np.unique(days, return_inverse=True)
    sums = np.asarray(np.bincount(day, weights=values), np.float64)
    return bootstrap_days(sums, np.bincount(day), seed=seed, draws=draws)


def bootstrap_days(sums: Floats, counts: NDArray[np.int64], *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """As ``bootstrap_mean``, from the sum and the count of each day."""
    total, rows = float(sums.sum()), int(counts.sum())
    if not rows:
        return Estimate(None, None, None, 0)
    mean = total / rows
    if len(sums) < 2:
        return Estimate(mean, None, None, rows)
    times = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    drawn = times @ counts
    means = (times @ sums)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(mean, float(low), float(high), rows)


def wilson(hits: int, rows: int) -> Estimate:
    """A share and its 95 % interval, also for few rows. Source: Wilson (1927)."""
    if not rows:
        return Estimate(None, 0.0, 1.0, 0)
    share, z2 = hits / rows, _Z**2 / rows
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * sqrt(share * (1 - share) / rows + z2 / (4 * rows))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), rows)
