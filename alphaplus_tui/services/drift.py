"""What watching one model needs: the rows it was served, its live Brier score, pairs with its rival."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from alphaplus_tui.ports.model import DayDifference, Profile
from alphaplus_tui.statistics.drift import bin_counts, stability_index, stability_index_by_chance
from alphaplus_tui.statistics.intervals import Estimate, bootstrap_mean

LEAST_ROWS = 1000
_ROWS = 5000


class Drift(Struct, frozen=True):
    """The feature whose distribution moved most."""

    feature: str
    psi: float
    """Less what chance alone gives, and never below 0."""


class ServedRows:
    """The last rows that a model was asked with, against those that it was trained on."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._profiles = tuple(profiles)
        self._rows: deque[tuple[float, ...]] = deque(maxlen=_ROWS)

    def add(self, row: tuple[float, ...]) -> None:
        if len(row) == len(self._profiles):
            self._rows.append(row)

    def drift(self) -> Drift | None:
        """None before there are enough rows; features that only tell the time are left out."""
        if len(self._rows) < LEAST_ROWS:
            return None
        table = np.array(self._rows, np.float64)
        worst: Drift | None = None
        for column, profile in enumerate(self._profiles):
            values = table[:, column]
            values = values[np.isfinite(values)]
            if profile.clock or len(values) < LEAST_ROWS:
                continue
            trained = np.array(profile.counts, np.int64)
            found = stability_index(trained, bin_counts(values, np.array(profile.edges, np.float64)))
            chance = stability_index_by_chance(len(trained), int(trained.sum()), len(values))
            psi = max(0.0, found - chance)
            if worst is None or psi > worst.psi:
                worst = Drift(profile.feature, psi)
        return worst


class LiveScore:
    """Brier scores of the last decisions that were resolved."""

    def __init__(self) -> None:
        self._scores: deque[tuple[float, int]] = deque(maxlen=_ROWS)

    def add(self, brier: float, day: int) -> None:
        self._scores.append((brier, day))

    def estimate(self) -> Estimate:
        return bootstrap_mean(
            np.array([score for score, _ in self._scores], np.float64),
            np.array([day for _, day in self._scores], np.int64),
        )


class Duel:
    """The log losses of champion and challenger on the same candles."""

    def __init__(self, champion: str, challenger: str) -> None:
        self.champion, self.challenger = champion, challenger
        self._waiting: dict[tuple[str, int], dict[str, float]] = {}
        self._days: dict[int, tuple[int, float]] = {}
        self.rows = 0

    def add(self, model: str, instrument: str, close_time: int, day: int, log_loss: float) -> None:
        if model not in (self.champion, self.challenger):
            return
        pair = self._waiting.setdefault((instrument, close_time), {})
        pair[model] = log_loss
        if len(pair) == 2:
            del self._waiting[instrument, close_time]
            rows, total = self._days.get(day, (0, 0.0))
            self._days[day] = rows + 1, total + pair[self.challenger] - pair[self.champion]
            self.rows += 1

    def days(self) -> tuple[DayDifference, ...]:
        return tuple(DayDifference(day, rows, total) for day, (rows, total) in sorted(self._days.items()))


def largest_difference(served: Sequence[float], again: Sequence[float], profiles: Sequence[Profile]) -> float:
    """Between a served row and the same row computed anew, in widths of the middle four fifths of training."""
    worst = 0.0
    for one, other, profile in zip(served, again, profiles, strict=True):
        if np.isnan(one) and np.isnan(other):
            continue
        edges = profile.edges
        width = edges[-1] - edges[0] if len(edges) > 1 else profile.high - profile.low
        difference = abs(one - other)
        worst = max(worst, float("inf") if np.isnan(difference) else difference / width if width > 0 else difference)
    return worst
