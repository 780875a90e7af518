"""Whether the rows a model is served with still look like those it was trained on."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.models.artefact import Manifest
from alphaplus_tui.statistics.drift import bin_counts, stability_index, stability_index_by_chance

LEAST_ROWS = 1000
ALARM = 0.2


class Drift(Struct, frozen=True):
    """Population stability index of a feature, less what chance alone gives."""

    feature: str
    index: float
    rows: int
    clock: bool
    """Tells the time only; over a short while it always seems to drift."""

    @property
    def alarming(self) -> bool:
        return not self.clock and self.rows >= LEAST_ROWS and self.index > ALARM


def drift(manifest: Manifest, rows: NDArray[np.float32]) -> tuple[Drift, ...]:
    """Of each feature, from served rows (n, features) without absent values."""
    found: list[Drift] = []
    for column, profile in enumerate(manifest.features):
        before = np.array(profile.counts, np.int64)
        now = bin_counts(rows[:, column].astype(np.float64), np.array(profile.edges, np.float64))
        chance = stability_index_by_chance(len(before), int(before.sum()), len(rows))
        found.append(Drift(profile.name, stability_index(before, now) - chance, len(rows), profile.clock))
    return tuple(found)
