"""Fits calibration and weights of the ensemble on predictions made out of fold."""

from collections.abc import Sequence

import numpy as np

from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats, Ints
from alphaplus_tui.models.ensemble import Calibration, Ensemble, Member

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
    """Scale and shifts of least weighted log loss, by Newton's method; the problem is convex."""
    logs = np.log(np.maximum(probabilities, 1e-7))
    truth = np.zeros_like(logs)
    truth[np.arange(len(labels)), labels] = 1.0
    share = weights / weights.sum()
    start = np.zeros(CLASSES)  # scale, and the shifts of all classes but the first
    start[0] = 1.0
    theta: Floats = start.copy()
    for _ in range(_STEPS):
        odds = Calibration(float(theta[0]), (0.0, *theta[1:].tolist())).apply(probabilities)
        # d score / d theta: column of logs for the scale, unit vectors for the shifts
        slopes = np.concatenate([logs[:, :, None], np.broadcast_to(np.eye(CLASSES)[:, 1:], (*logs.shape, 2))], axis=2)
        gradient: Floats = np.einsum("n,nk,nkj->j", share, odds - truth, slopes) + _RIDGE * (theta - start)
        mean: Floats = np.einsum("nk,nkj->nj", odds, slopes)
        hessian: Floats = np.einsum("n,nk,nki,nkj->ij", share, odds, slopes, slopes, optimize=True)
        hessian -= np.einsum("n,ni,nj->ij", share, mean, mean)
        step = np.asarray(np.linalg.solve(hessian + _RIDGE * np.eye(CLASSES), gradient), np.float64)
        theta = theta - step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(float(theta[0]), (0.0, *(float(shift) for shift in theta[1:])))


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
