"""How the opinions of several engines become one: each calibrated, then averaged with weights."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from alphaplus_tui.features.panel import Floats

_LEAST = 1e-7


class Calibration(Struct, frozen=True):
    """Sharpens or softens two opinions of an engine apart: whether a barrier is touched at all, and which one.

    Log odds are multiplied, once for each of the two questions (temperature scaling, Guo et al. 2017). They are not
    shifted: how often barriers are touched, and whether the market rises, changes from month to month.
    """

    touch_scale: float = 1.0
    side_scale: float = 1.0

    def apply(self, probabilities: Floats) -> Floats:
        """probabilities: shape (n, 3), down none up; likewise returned."""
        touched, side = log_odds(probabilities)
        touch = _share(self.touch_scale * touched)
        up = _share(self.side_scale * side)
        return np.stack([touch * (1 - up), 1 - touch, touch * up], axis=1)


def log_odds(probabilities: Floats) -> tuple[Floats, Floats]:
    """Of any barrier against none, and of up against down, each of shape (n,)."""
    down, none, up = np.maximum(probabilities, _LEAST).T
    return np.log((down + up) / none), np.log(up / down)


def _share(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float64)


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
