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
    """Scales and shifts of least weighted log loss, of each of the two questions on its own."""
    touched, side = log_odds(probabilities)
    resolved = labels != Outcome.NONE
    touch_scale, touch_shift = _logistic(touched, resolved, weights)
    side_scale, side_shift = _logistic(side[resolved], labels[resolved] == Outcome.UP, weights[resolved])
    return Calibration(touch_scale, touch_shift, side_scale, side_shift)


def _logistic(odds: Floats, happened: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Scale and shift of log odds by Newton's method; the problem is convex. The scale is not let below 0."""
    if not len(odds):
        return 1.0, 0.0
    share = weights / weights.sum()
    design = np.stack([odds, np.ones(len(odds))], axis=1)
    start = np.array([1.0, 0.0])
    theta = start
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -30, 30)))
        gradient = design.T @ (share * (p - happened)) + _RIDGE * (theta - start)
        hessian = (design.T * (share * p * (1 - p))) @ design + _RIDGE * np.eye(2)
        step = np.asarray(np.linalg.solve(hessian, gradient), np.float64)
        theta = theta - step
        if np.abs(step).max() < 1e-9:
            break
    return max(float(theta[0]), 0.0), float(theta[1])


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
