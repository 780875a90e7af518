"""How good probabilities are: log loss, Brier score, area under the curve."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 1e-12
"""Probabilities are taken to be at least this, so that a sure mistake costs much but not everything."""


def log_losses(probabilities: Floats, labels: Ints) -> Floats:
    """Minus the logarithm (nats) of the probability given to what happened, row by row.

    probabilities: shape (n, classes), rows sum to 1. labels: shape (n,), column numbers.
    """
    return -np.log(np.clip(_of_truth(probabilities, labels), _LEAST, 1.0))


def brier_scores(probabilities: Floats, labels: Ints) -> Floats:
    """Squared distance to the truth, summed over the classes, row by row: 0 is perfect, 2 the worst."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1.0
    return np.asarray(np.square(probabilities - truth).sum(axis=1), np.float64)


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """The chance that a random positive row scores above a random negative one; ties count half.

    Without both there is nothing to tell apart: 0.5.

    Source: Hanley and McNeil (1982), by way of the rank sum.
    """
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return 0.5
    ranks = average_ranks(scores)
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def average_ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[where], np.float64)


def _of_truth(probabilities: Floats, labels: Ints) -> Floats:
    return np.asarray(np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0], np.float64)
