"""Counts in the open how signals ended, with intervals, by model, instrument and direction."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from alphaplus_tui.domain.analysis import Direction, Result, Score, Signal
from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.ports.store import Scored
from alphaplus_tui.state.slices import ScoreRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.statistics.intervals import bootstrap_mean, wilson

_KEPT = 20_000
Key = tuple[str, str, str]
"""Model, instrument, direction; empty: all."""


class _Ended(Struct, frozen=True):
    hit: bool
    bps: float
    brier: float
    day: int


class Scoreboard:
    """The slice ``scores``; a line is computed anew when it changed and ``refresh`` is called."""

    def __init__(self, state: StateStore) -> None:
        self._scores = state.scores
        self._made: dict[Key, set[str]] = {}
        self._ended: dict[Key, list[_Ended]] = {}
        self._known: set[str] = set()
        self._dirty: set[Key] = set()

    def made(self, signal: Signal) -> None:
        """A signal, at once; hearing of it again changes nothing."""
        for key in _keys(signal.model, signal.instrument, signal.direction):
            self._made.setdefault(key, set()).add(signal.id)
            self._dirty.add(key)

    def scored(self, row: Scored) -> None:
        """What became of a decision; only signals count."""
        if not row.signal or row.id in self._known:
            return
        self._known.add(row.id)
        outcome = row.outcome
        ended = _Ended(outcome.result is Result.TARGET, outcome.result_bps, outcome.brier, row.close_time // DAY_NS)
        for key in _keys(row.model, row.instrument, row.lean):
            self._made.setdefault(key, set()).add(row.id)
            lines = self._ended.setdefault(key, [])
            lines.append(ended)
            del lines[:-_KEPT]
            self._dirty.add(key)

    def refresh(self) -> None:
        for key in sorted(self._dirty):
            self._scores.put("|".join(key), ScoreRow(_score(key, len(self._made[key]), self._ended.get(key, ()))))
        self._dirty.clear()


def _keys(model: str, instrument: str, direction: Direction) -> tuple[Key, ...]:
    side = direction.value
    return (model, "", ""), (model, "", side), (model, instrument, ""), (model, instrument, side)


def _score(key: Key, signals: int, ended: Sequence[_Ended]) -> Score:
    days = np.array([row.day for row in ended], np.int64)
    hits = wilson(sum(row.hit for row in ended), len(ended))
    bps = bootstrap_mean(np.array([row.bps for row in ended], np.float64), days)
    brier = bootstrap_mean(np.array([row.brier for row in ended], np.float64), days)
    model, instrument, direction = key
    return Score(
        model=model,
        instrument=instrument,
        direction=direction,
        signals=signals,
        resolved=len(ended),
        hits=sum(row.hit for row in ended),
        hit_low=hits.low if ended else None,
        hit_high=hits.high if ended else None,
        mean_bps=bps.mean,
        mean_low=bps.low,
        mean_high=bps.high,
        brier=brier.mean,
        brier_low=brier.low,
        brier_high=brier.high,
    )
