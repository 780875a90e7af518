"""Fits calibration and weights of the ensemble on predictions made out of fold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.features.panel import Floats, Ints
from alphaplus_tui.models.ensemble import Calibration, Ensemble, Member, log_odds

_STEPS = 60
_RIDGE = 1e-3
"""Pull towards no calibration, per row: a few hundred rows must not bend what they cannot know."""


def combine(engines: Sequence[str], opinions: Sequence[Floats], labels: Ints, weights: Floats) -> Ensemble:
    """The ensemble that would have had the least log loss on these predictions.

    opinions: one table (n, 3) of raw probabilities per engine. weights: of the rows, shape (n,).
    """
    calibrations = [fit_calibration(table, labels, weights) for table in opinions]
    calibrated = [calibration.apply(table) for calibration, table in zip(calibrations, opinions, strict=True)]
    shares = mixture_weights(calibrated, labels, weights)
    return Ensemble(
        tuple(
            Member(engine, float(share), calibration)
            for engine, share, calibration in zip(engines, shares, calibrations, strict=True)
        )
    )


def fit_calibration(probabilities: Floats, labels: Ints, weights: Floats) -> Calibration:
    """Scales of least weighted log loss, of each of the two questions on its own."""
    touched, side = log_odds(probabilities)
    resolved = labels != Outcome.NONE
    return Calibration(
        touch_scale=_scale(touched, resolved, weights),
        side_scale=_scale(side[resolved], labels[resolved] == Outcome.UP, weights[resolved]),
    )


def _scale(odds: Floats, happened: NDArray[np.bool_], weights: Floats) -> float:
    """What log odds are best multiplied by, not less than 0, by Newton's method; the problem is convex."""
    if not len(odds):
        return 1.0
    share = weights / weights.sum()
    scale = 1.0
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(scale * odds, -30, 30)))
        slope = float(np.sum(share * odds * (p - happened))) + _RIDGE * (scale - 1.0)
        bend = float(np.sum(share * odds * odds * p * (1 - p))) + _RIDGE
        scale -= slope / bend
        if abs(slope / bend) < 1e-9:
            break
    return max(scale, 0.0)


def mixture_weights(calibrated: Sequence[Floats], labels: Ints, weights: Floats) -> Floats:
    """Weights of least log loss, by expectation maximisation: each step can only gain."""
    truth = np.stack([np.take_along_axis(table, labels[:, None], axis=1)[:, 0] for table in calibrated], axis=1)
    share = weights / weights.sum()
    mix = np.full(len(calibrated), 1 / len(calibrated))
    for _ in range(500):
        parts = truth * mix
        better = share @ (parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-300))
        if np.abs(better - mix).max() < 1e-6:
            break
        mix = better
    return np.asarray(mix / mix.sum(), np.float64)
