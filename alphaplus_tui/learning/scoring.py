"""Scores probabilities against baselines, with volatility and direction kept apart."""

import numpy as np

from alphaplus_tui.features.barriers import CLASSES, Outcome
from alphaplus_tui.features.panel import Floats, Ints
from alphaplus_tui.learning.dataset import Dataset, class_shares
from alphaplus_tui.learning.report import Scores
from alphaplus_tui.statistics.calibration import class_wise_calibration_error
from alphaplus_tui.statistics.scores import auc, brier_scores, log_losses


class Baselines:
    """Class frequencies of the training rows, and the same by the last settled outcome."""

    def __init__(self, train: Dataset) -> None:
        self._shares = class_shares(train.label)
        table = [class_shares(train.label[train.previous == outcome]) for outcome in range(CLASSES)]
        self._after = np.array([*table, self._shares])  # the last row: nothing settled yet

    def frequencies(self, data: Dataset) -> Floats:
        return np.tile(self._shares, (len(data), 1))

    def momentum(self, data: Dataset) -> Floats:
        return np.asarray(self._after[data.previous], np.float64)


def score(probabilities: Floats, labels: Ints, frequencies: Floats, momentum: Floats) -> Scores:
    """All measures of one table of probabilities; the others are the baselines' for the same rows."""
    losses, baseline = log_losses(probabilities, labels).mean(), log_losses(frequencies, labels).mean()
    touched, touched_before = _touched_losses(probabilities, labels), _touched_losses(frequencies, labels)
    gain_volatility = float((touched_before - touched).mean())
    resolved = labels != Outcome.NONE
    up, down = probabilities[:, Outcome.UP], probabilities[:, Outcome.DOWN]
    one_against_rest = [auc(probabilities[:, outcome], labels == outcome) for outcome in range(CLASSES)]
    return Scores(
        rows=len(labels),
        log_loss=float(losses),
        baseline=float(baseline),
        momentum=float(log_losses(momentum, labels).mean()),
        gain_pct=float(100 * (1 - losses / baseline)),
        brier=float(brier_scores(probabilities, labels).mean()),
        ece=class_wise_calibration_error(probabilities, labels),
        auc_down=one_against_rest[Outcome.DOWN],
        auc_none=one_against_rest[Outcome.NONE],
        auc_up=one_against_rest[Outcome.UP],
        auc_direction=auc((up / (up + down))[resolved], (labels == Outcome.UP)[resolved]),
        gain_volatility=gain_volatility,
        gain_direction=float(baseline - losses) - gain_volatility,
    )


def _touched_losses(probabilities: Floats, labels: Ints) -> Floats:
    """Log losses of the smaller question whether any barrier is touched."""
    none = probabilities[:, Outcome.NONE]
    return log_losses(np.stack([1 - none, none], axis=1), (labels == Outcome.NONE).astype(np.int64))
