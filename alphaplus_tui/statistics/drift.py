"""Whether two samples come from the same distribution, by the population stability index."""

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
