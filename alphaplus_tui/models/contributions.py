"""Why a model leans to a side: what each feature added, and a word for how that was found."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.models.artefact import Artefact, ModelRefused
from alphaplus_tui.models.native import contributions
from alphaplus_tui.models.predictor import Predictor

Method = Literal["TreeSHAP", "replaced by the median"]
LARGEST_REST = 1e-5


class Contribution(Struct, frozen=True):
    """What a feature added to the lean."""

    feature: str
    value: float
    """The feature's own, as it was served."""
    amount: float


class Why(Struct, frozen=True):
    """The lean of a prediction and what it is made of: base + contributions = lean."""

    method: Method
    unit: str
    lean: float
    base: float
    contributions: tuple[Contribution, ...]
    """Largest first, whatever their sign."""


def explain(artefact: Artefact, row: NDArray[np.float32]) -> Why:
    """Of one row of features. Imports the engines' libraries: call it in a process of its own.

    With native files: margin of UP less margin of DOWN, averaged over the engines as the ensemble weighs them, by
    TreeSHAP. ``ModelRefused`` when base and contributions do not add up. Without native files: how much p(UP) - p(DOWN)
    changes when a feature is replaced by its median in training, one at a time; those need not add up.
    """
    if all(files.native for files in artefact.manifest.engines):
        return _by_shap(artefact, row)
    return _by_median(artefact, row)


def _by_shap(artefact: Artefact, row: NDArray[np.float32]) -> Why:
    manifest, x = artefact.manifest, row[None, :]
    total: Floats = np.zeros(len(row) + 1)
    lean = 0.0
    predictor = Predictor(artefact)
    for files, member, raw in zip(manifest.engines, manifest.ensemble.members, predictor.raw(x), strict=True):
        told = contributions(files.engine, artefact.read(files.native), x)[0]
        sides = told[Outcome.UP] - told[Outcome.DOWN]
        margin = float(np.log(raw[0, Outcome.UP] / raw[0, Outcome.DOWN]))
        if abs(float(sides.sum()) - margin) > LARGEST_REST * max(1.0, abs(margin)):
            raise ModelRefused(f"{files.engine}: contributions add up to {sides.sum():.6f}, the margin is {margin:.6f}")
        factor = member.weight * member.calibration.side_scale
        total += factor * sides
        lean += factor * margin
    return Why("TreeSHAP", "log odds of UP against DOWN", lean, float(total[-1]), _sorted(artefact, row, total[:-1]))


def _by_median(artefact: Artefact, row: NDArray[np.float32]) -> Why:
    profiles = artefact.manifest.features
    variants = np.tile(row, (len(row) + 1, 1))
    for column, profile in enumerate(profiles):
        variants[column, column] = profile.median
    p = Predictor(artefact).predict(variants).probabilities
    leans = p[:, Outcome.UP] - p[:, Outcome.DOWN]
    lean = float(leans[-1])
    amounts = np.asarray(lean - leans[:-1], np.float64)
    return Why(
        "replaced by the median",
        "probability of UP less that of DOWN",
        lean,
        lean - float(amounts.sum()),
        _sorted(artefact, row, amounts),
    )


def _sorted(
    artefact: Artefact, row: NDArray[np.float32], amounts: Sequence[float] | Floats
) -> tuple[Contribution, ...]:
    told = [
        Contribution(profile.name, float(value), float(amount))
        for profile, value, amount in zip(artefact.manifest.features, row, amounts, strict=True)
    ]
    return tuple(sorted(told, key=lambda contribution: -abs(contribution.amount)))
