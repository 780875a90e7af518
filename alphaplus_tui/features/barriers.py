"""The one barrier rule: which of two prices is touched first, for labels and for outcomes."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.features.panel import Floats, Ints, Panel

VOLATILITY_WINDOW = 288
"""Log returns that the barriers' volatility is taken from."""
_NOISE = 1e-9
_UNKNOWN = -1


class Outcome(IntEnum):
    """What came first; the order is that of the columns of probabilities."""

    DOWN = 0
    NONE = 1
    UP = 2


CLASSES = len(Outcome)


class BarrierRule(Struct, frozen=True):
    """The barriers are close × exp(± multiple × σ × √horizon), for ``horizon`` candles.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.4.
    """

    horizon: int = 24
    multiple: float = 1.0


class Barriers(Struct, frozen=True):
    """Of each row of a panel: the barriers' distance and what was touched; rows that cannot be told are masked."""

    distance: Floats
    """Logarithm of barrier over close; nan where there is no volatility yet."""
    outcome: NDArray[np.int8]
    """An ``Outcome``, or -1 where the future is not known or a candle is missing in it."""
    both: NDArray[np.bool_]
    """Up and down were touched in the same candle; ``outcome`` says DOWN."""
    candles: Ints
    """How many candles it took; the horizon for NONE."""
    change: Floats
    """Log return to the moment of the outcome: ± distance, or to the close of the last candle."""


def distances(panel: Panel, rule: BarrierRule) -> Floats:
    """How far the barriers are from each close, as a logarithm; nan without a day of returns, or when nothing moved."""
    out = np.full(len(panel), np.nan)
    window = VOLATILITY_WINDOW
    for rows in panel.segments():
        closes = np.log(panel.close[rows])
        if len(closes) <= window:
            continue
        changes = np.diff(closes)
        sums, squares = np.cumsum(changes), np.cumsum(np.square(changes))
        mean = _windowed(sums, window) / window
        square = _windowed(squares, window) / window
        variance = square - np.square(mean)
        sigma = np.sqrt(np.where(variance > _NOISE * square, variance, np.nan))
        out[rows.start + window : rows.stop] = sigma * (rule.multiple * np.sqrt(rule.horizon))
    return out


def newest_distances(panels: Sequence[Panel], rule: BarrierRule) -> Floats:
    """Of the last row of each panel, shape (panels,), as ``distances`` tells them."""
    out = np.full(len(panels), np.nan)
    rows = VOLATILITY_WINDOW + 1
    told = [number for number, panel in enumerate(panels) if _is_unbroken(panel, rows)]
    if told:
        changes = np.diff(np.log(np.stack([panels[number].close[-rows:] for number in told])), axis=1)
        square = np.square(changes).mean(axis=1)
        variance = square - np.square(changes.mean(axis=1))
        sigma = np.sqrt(np.where(variance > _NOISE * square, variance, np.nan))
        out[told] = sigma * (rule.multiple * np.sqrt(rule.horizon))
    return out


def _is_unbroken(panel: Panel, rows: int) -> bool:
    """Whether the last rows follow each other."""
    return len(panel) >= rows and int(panel.open_time[-1] - panel.open_time[-rows]) == (rows - 1) * panel.length_ns


def barriers(panel: Panel, rule: BarrierRule) -> Barriers:
    """What each row's candle led to within the horizon."""
    rows = len(panel)
    distance = distances(panel, rule)
    result = Barriers(
        distance,
        np.full(rows, _UNKNOWN, np.int8),
        np.zeros(rows, np.bool_),
        np.full(rows, rule.horizon, np.int64),
        np.full(rows, np.nan),
    )
    for part in panel.segments():
        _touch(panel, part, rule.horizon, result)
    return result


def first_touch(high: Floats, low: Floats, upper: float, lower: float) -> tuple[int, Outcome, bool] | None:
    """Candle number, side and whether both sides, of the first touch in candles after the entry; None: not touched.

    A tie is given as DOWN with True; whoever knows the trades decides it, else the stop counts.
    """
    touched = np.flatnonzero((high >= upper) | (low <= lower))
    if not len(touched):
        return None
    first = int(touched[0])
    down = bool(low[first] <= lower)
    return first, Outcome.DOWN if down else Outcome.UP, down and bool(high[first] >= upper)


def _touch(panel: Panel, part: slice, horizon: int, result: Barriers) -> None:
    known = part.stop - part.start - horizon
    if known <= 0:
        return
    rows = slice(part.start, part.start + known)
    close, distance = panel.close[rows], result.distance[rows]
    upper, lower = close * np.exp(distance), close * np.exp(-distance)
    outcome = np.full(known, int(Outcome.NONE), np.int8)
    candles = np.full(known, horizon, np.int64)
    both = np.zeros(known, np.bool_)
    pending = np.isfinite(distance)
    for step in range(1, horizon + 1):
        ahead = slice(rows.start + step, rows.stop + step)
        up = pending & (panel.high[ahead] >= upper)
        down = pending & (panel.low[ahead] <= lower)
        outcome[up], outcome[down] = int(Outcome.UP), int(Outcome.DOWN)
        both |= up & down
        candles[up | down] = step
        pending &= ~(up | down)
    last = np.log(panel.close[rows.start + horizon : rows.stop + horizon] / close)
    change = np.where(outcome == int(Outcome.UP), distance, np.where(outcome == int(Outcome.DOWN), -distance, last))
    untold = ~np.isfinite(distance)
    outcome[untold] = _UNKNOWN
    result.outcome[rows], result.both[rows], result.candles[rows] = outcome, both, candles
    result.change[rows] = np.where(untold, np.nan, change)


def _windowed(total: Floats, window: int) -> Floats:
    out = total[window - 1 :].copy()
    out[1:] -= total[:-window]
    return out
