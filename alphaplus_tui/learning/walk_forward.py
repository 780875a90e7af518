"""Cuts time into training and test windows that know nothing of each other, and keeps the end of it back."""

from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.learning.dataset import Dataset, NotEnoughData

HOLDOUT = 0.15
"""Share of the rows, the newest, that only the final report reads."""
STOPPING = 0.15
"""Share of a training window, its end, on which engines learn when to stop."""
_LEAST_ROWS = 200

Mask = NDArray[np.bool_]


class Fold(Struct, frozen=True):
    """Rows that are trained on, all of them over before the test begins, and rows that are tested."""

    train: Mask
    test: Mask


class Plan(Struct, frozen=True):
    folds: tuple[Fold, ...]
    final: Fold
    """Everything before the hold-out, and the hold-out."""


def plan(data: Dataset, folds: int, embargo_ns: int) -> Plan:
    """``folds`` test windows of equal row counts, each behind all of its training, and the hold-out behind them.

    embargo_ns: time between the end of the last training label and the first test row, at least the horizon.
    Source: López de Prado, Advances in Financial Machine Learning (2018), section 7.4.
    """
    cut = int(len(data) * (1 - HOLDOUT))
    edges = [int(cut * part / (folds + 1)) for part in range(1, folds + 2)]
    if edges[0] < _LEAST_ROWS or len(data) - cut < _LEAST_ROWS:
        raise NotEnoughData(f"{len(data)} rows are too few for {folds} folds and a hold-out; import more history")
    times = [int(data.known[edge]) for edge in edges]
    cuts = [_fold(data, start, end, embargo_ns) for start, end in pairwise(times)]
    return Plan(tuple(cuts), _fold(data, times[-1], None, embargo_ns))


def stopping(data: Dataset, embargo_ns: int) -> tuple[Mask, Mask]:
    """Rows to fit on, and the last of them to stop on; labels of the first end before the second begin."""
    start = int(data.known[int(len(data) * (1 - STOPPING))])
    fold = _fold(data, start, None, embargo_ns)
    return fold.train, fold.test


def _fold(data: Dataset, start: int, end: int | None, embargo_ns: int) -> Fold:
    test = data.known >= start
    if end is not None:
        # a label that runs into the next window is left to nobody: its row would be told by both
        test &= (data.known < end) & (data.ends < end)
    return Fold(data.ends + embargo_ns <= start, test)
