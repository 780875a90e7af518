"""Whether probabilities keep what they promise."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.statistics.scores import Floats, Ints

BINS = 15


class ReliabilityPoint(Struct, frozen=True):
    """Rows that were promised about the same: the mean promise, and how often it came true."""

    promised: float
    happened: float
    rows: int


def reliability_curve(promised: Floats, happened: NDArray[np.bool_], bins: int = BINS) -> tuple[ReliabilityPoint, ...]:
    """Promise against frequency in ``bins`` bins of equal count; fewer when there are fewer rows."""
    order = np.argsort(promised, kind="stable")
    return tuple(
        ReliabilityPoint(float(promised[rows].mean()), float(happened[rows].mean()), len(rows))
        for rows in np.array_split(order, bins)
        if len(rows)
    )


def calibration_error(promised: Floats, happened: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error of one class: the mean of |promise - frequency| over bins of equal count.

    Source: Naeini, Cooper and Hauskrecht (2015), with bins of equal count.
    """
    points = reliability_curve(promised, happened, bins)
    rows = sum(point.rows for point in points)
    return sum(abs(point.promised - point.happened) * point.rows for point in points) / rows if rows else float("nan")


def class_wise_calibration_error(probabilities: Floats, labels: Ints, bins: int = BINS) -> float:
    """The calibration error of each class against the others, averaged over the classes."""
    classes = probabilities.shape[1]
    errors = [calibration_error(probabilities[:, column], labels == column, bins) for column in range(classes)]
    return float(np.mean(errors))
