"""Whether two samples come from the same distribution: population stability index and Kolmogorov-Smirnov."""

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.statistics.scores import Floats

BINS = 10
_EMPTY_BIN = 0.5
"""Rows that an empty bin is taken to hold, so that the index stays finite."""


def bin_edges(reference: Floats, bins: int = BINS) -> Floats:
    """The inner edges of bins that hold the same share of ``reference``; equal ones are dropped."""
    return np.unique(np.quantile(reference, np.arange(1, bins) / bins))


def bin_counts(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many ``values`` fall into each of the ``len(edges) + 1`` bins; an edge belongs to the bin below it."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).astype(np.int64)


def stability_index(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """Population stability index of two histograms over the same bins: sum of (q - p) ln(q / p)."""
    p = np.maximum(reference, _EMPTY_BIN) / max(reference.sum(), 1)
    q = np.maximum(current, _EMPTY_BIN) / max(current.sum(), 1)
    return float(np.sum((q - p) * np.log(q / p)))


def stability_index_by_chance(bins: int, reference_rows: int, current_rows: int) -> float:
    """What the index comes to on average when nothing drifted: it is a chi-square of bins - 1 degrees.

    Source: Yurdakul, Statistical Properties of Population Stability Index (2018).
    """
    if not reference_rows or not current_rows:
        return 0.0
    return (bins - 1) * (1 / reference_rows + 1 / current_rows)


def kolmogorov_smirnov(first: Floats, second: Floats) -> tuple[float, float]:
    """The largest distance between the two empirical distributions, and the asymptotic two-sided p-value.

    Source: Kolmogorov's limit distribution, with Stephens' (1970) correction left out as samples are large.
    """
    n, m = len(first), len(second)
    both = np.concatenate([first, second])
    below_first = np.searchsorted(np.sort(first), both, side="right") / n
    below_second = np.searchsorted(np.sort(second), both, side="right") / m
    distance = float(np.abs(below_first - below_second).max())
    return distance, _kolmogorov_tail(np.sqrt(n * m / (n + m)) * distance)


def _kolmogorov_tail(x: float) -> float:
    if x < 0.2:
        return 1.0  # the tail differs from 1 by less than 1e-12
    k = np.arange(1, 101)
    terms = np.where(k % 2 == 1, 1.0, -1.0) * np.exp(-2.0 * np.square(k * x))
    return float(np.clip(2.0 * terms.sum(), 0.0, 1.0))
