"""Whether a candidate may follow the champion: better with 95 % confidence on candles that neither was trained on."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from alphaplus_tui.statistics.intervals import bootstrap_days

LEAST_ROWS = 2000


class DayDifference(Struct, frozen=True):
    """Sum over the rows of one day of the candidate's log loss less the champion's."""

    day: int
    rows: int
    sum: float


class Promotion(Struct, frozen=True):
    """The answer, with what it rests on; differences in nats per row, below 0 the candidate is better."""

    promoted: bool
    reason: str
    difference: float | None
    low: float | None
    high: float | None
    rows: int


def judge_promotion(days: Sequence[DayDifference]) -> Promotion:
    """Paired, resampled by days. Against class frequencies where there is no champion."""
    rows = sum(day.rows for day in days)
    sums, counts = np.array([day.sum for day in days], np.float64), np.array([day.rows for day in days], np.int64)
    estimate = bootstrap_days(sums, counts)
    mean, low, high = estimate.mean, estimate.low, estimate.high

    def answer(promoted: bool, reason: str) -> Promotion:
        return Promotion(promoted, reason, mean, low, high, rows)

    if rows < LEAST_ROWS:
        return answer(promoted=False, reason=f"{rows} candles compared, {LEAST_ROWS} wanted")
    if mean is None or high is None:
        return answer(promoted=False, reason="a single day cannot tell")
    if high >= 0:
        return answer(promoted=False, reason=f"log loss {mean:+.4f}, but up to {high:+.4f} cannot be excluded")
    return answer(promoted=True, reason=f"log loss {mean:+.4f}, at most {high:+.4f} with 95 % confidence")
