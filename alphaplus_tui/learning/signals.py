"""Runs the gates over rows with known outcomes, as live signals would have been."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.features.panel import Floats, Ints
from alphaplus_tui.gates.value import agreement, expected_values_bps, result_bps
from alphaplus_tui.learning.dataset import Dataset
from alphaplus_tui.learning.report import SignalReport
from alphaplus_tui.statistics.intervals import bootstrap_mean


class SignalRule(Struct, frozen=True):
    """The gates of the running system that history can tell of."""

    fees_bps: float = 10.0
    spread_bps: float = 0.0
    min_expected_value_bps: float = 0.0
    min_agreement: float = 1.0
    cooldown_s: float = 3600.0


class Signals(Struct, frozen=True):
    """The rows that became signals, and their results."""

    day: Ints
    long: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    expected: Floats
    result: Floats


def replay(data: Dataset, probabilities: Floats, opinions: Floats, none_change: float, rule: SignalRule) -> Signals:
    """Signals of rows in the order of time, each instrument silent for the cooldown after one.

    probabilities: the ensemble's, (n, 3). opinions: the engines', calibrated, (engines, n, 3).
    """
    values = expected_values_bps(
        probabilities, data.distance, none_change, fees_bps=rule.fees_bps, spread_bps=rule.spread_bps
    )
    long = values[:, 0] >= values[:, 1]
    best = values.max(axis=1)
    wanted = (best > rule.min_expected_value_bps) & (agreement(opinions, long) >= rule.min_agreement)
    chosen = np.flatnonzero(wanted)
    if len(chosen):
        chosen = chosen[_rested(data.instrument[chosen], data.known[chosen], int(rule.cooldown_s * 1e9))]
    side = long[chosen]
    target = np.where(side, int(Outcome.UP), int(Outcome.DOWN))
    return Signals(
        data.day[chosen],
        side,
        data.label[chosen] == target,
        best[chosen],
        result_bps(data.change[chosen], side, fees_bps=rule.fees_bps, spread_bps=rule.spread_bps),
    )


def summarise(parts: list[Signals]) -> SignalReport:
    """All folds' signals together."""
    day = np.concatenate([part.day for part in parts])
    long = np.concatenate([part.long for part in parts])
    expected = np.concatenate([part.expected for part in parts])
    return SignalReport(
        value=bootstrap_mean(np.concatenate([part.result for part in parts]), day),
        long=int(long.sum()),
        short=int((~long).sum()),
        hits=int(sum(part.hit.sum() for part in parts)),
        expected_bps=float(expected.mean()) if len(expected) else None,
    )


def _rested(instruments: Ints, known: Ints, cooldown_ns: int) -> list[int]:
    """Positions that are far enough behind the last kept one of their instrument."""
    last: dict[int, int] = {}
    kept: list[int] = []
    for position, (instrument, moment) in enumerate(zip(instruments.tolist(), known.tolist(), strict=True)):
        before = last.get(instrument)
        if before is None or moment - before >= cooldown_ns:
            last[instrument] = moment
            kept.append(position)
    return kept
