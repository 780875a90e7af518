"""How the opinions of several engines become one: each calibrated, then averaged with weights."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from alphaplus_tui.features.panel import Floats

_LEAST = 1e-7


class Calibration(Struct, frozen=True):
    """softmax(scale × log p + shifts): sharpens or softens an engine's probabilities, and moves the classes.

    Source: temperature and bias correction, a form of Platt (1999) for several classes.
    """

    scale: float = 1.0
    shifts: tuple[float, ...] = (0.0, 0.0, 0.0)

    def apply(self, probabilities: Floats) -> Floats:
        """probabilities: shape (..., 3); likewise returned."""
        scores = self.scale * np.log(np.maximum(probabilities, _LEAST)) + np.asarray(self.shifts)
        scores -= scores.max(axis=-1, keepdims=True)
        odds = np.exp(scores)
        return np.asarray(odds / odds.sum(axis=-1, keepdims=True), np.float64)


class Member(Struct, frozen=True):
    """An engine's part in the ensemble."""

    engine: str
    weight: float
    calibration: Calibration = Calibration()


class Ensemble(Struct, frozen=True):
    """Weights are not negative and sum to 1."""

    members: tuple[Member, ...]

    def apply(self, opinions: Sequence[Floats]) -> tuple[Floats, Floats]:
        """From one raw table (n, 3) per member: the ensemble's (n, 3), and each member's calibrated (members, n, 3)."""
        calibrated = np.stack(
            [member.calibration.apply(table) for member, table in zip(self.members, opinions, strict=True)]
        )
        weights = np.array([member.weight for member in self.members])
        return np.asarray(np.tensordot(weights, calibrated, axes=1), np.float64), calibrated


def equal(engines: Sequence[str]) -> Ensemble:
    """Nothing known yet: no calibration, equal weights."""
    return Ensemble(tuple(Member(engine, 1 / len(engines)) for engine in engines))
