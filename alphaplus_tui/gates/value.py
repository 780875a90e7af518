"""What a prediction is worth after fees, for each direction."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BPS = 10_000.0
DOWN, NONE, UP = 0, 1, 2
"""Columns of probabilities, in the order of the barrier rule's outcomes."""


def expected_values_bps(
    probabilities: Floats, distance: Floats, none_change: float, *, fees_bps: float, spread_bps: float = 0.0
) -> Floats:
    """Of LONG and SHORT in bps of the entry, shape (n, 2): p_up·b − p_down·b + p_none·r_none − 2·fees − spread.

    probabilities: (n, 3), DOWN NONE UP. distance: (n,), logarithm of barrier over entry. none_change: mean log return
    of NONE in training. fees_bps: per side.
    """
    costs = 2 * fees_bps + spread_bps
    move = (probabilities[:, UP] - probabilities[:, DOWN]) * distance + probabilities[:, NONE] * none_change
    gross = BPS * move
    return np.stack([gross - costs, -gross - costs], axis=1)


def agreement(opinions: Floats, long: NDArray[np.bool_]) -> Floats:
    """The share of engines that lean to the chosen side, shape (n,).

    opinions: (engines, n, 3). long: (n,), whether the chosen direction is LONG. An engine that leans to none counts
    for neither.
    """
    lean = opinions[:, :, UP] - opinions[:, :, DOWN]
    return np.asarray(np.where(long, lean > 0, lean < 0).mean(axis=0), np.float64)


def result_bps(change: Floats, long: NDArray[np.bool_], *, fees_bps: float, spread_bps: float = 0.0) -> Floats:
    """What signals came to after fees, in bps of the entry. change: log return from entry to outcome."""
    moved = np.expm1(change)
    return BPS * np.where(long, moved, -moved) - 2 * fees_bps - spread_bps
