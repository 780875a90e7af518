"""Explains one served row: TreeSHAP of the native engines, or medians in place of features; runs in a child."""

import os
import sys
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.analysis import Contribution, Explanation
from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.models.artefact import Artefact, Manifest, ModelRefused, open_artefact
from alphaplus_tui.models.explain import Answer, Explained, Question, Unexplained
from alphaplus_tui.models.native import contributions
from alphaplus_tui.models.onnx import OnnxEngine

LARGEST_DIFFERENCE = 1e-5
TREESHAP, REPLACEMENT = "treeshap", "median replacement"
_LEAST = 1e-7


def explain(artefact: Artefact, row: NDArray[np.float32]) -> Explanation:
    """What moved the margin of UP over DOWN.

    The margin is the weighted mean of the engines' calibrated log odds of UP over DOWN, in which every tree's part
    is a sum; the ensemble's probabilities, a mean of probabilities, are not.
    ``ModelRefused`` when base and contributions do not add up to what the ONNX files say, to 1e-5.
    """
    manifest = artefact.manifest
    if row.shape != (len(manifest.features),) or not np.isfinite(row).all():
        raise ModelRefused("the row is not one that the model was asked with")
    if not all(files.native for files in manifest.engines):
        return _explanation(manifest, row, *_replaced(artefact, row), REPLACEMENT)
    base, parts = 0.0, np.zeros(len(row))
    for member, files in zip(manifest.ensemble.members, manifest.engines, strict=True):
        by_class = contributions(files.engine, artefact.read(files.native), row[np.newaxis])[0]
        raw = by_class[Outcome.UP] - by_class[Outcome.DOWN]
        calibration = member.calibration
        base += member.weight * (calibration.scale * raw[-1] + _shift(calibration.shifts))
        parts += member.weight * calibration.scale * raw[:-1]
    served = _margin(artefact, row[np.newaxis])[0]
    if not abs(base + parts.sum() - served) <= LARGEST_DIFFERENCE * max(1.0, abs(served)):
        raise ModelRefused(f"contributions add up to {base + parts.sum():.6f}, the served margin is {served:.6f}")
    return _explanation(manifest, row, base, parts, TREESHAP)


def _replaced(artefact: Artefact, row: NDArray[np.float32]) -> tuple[float, Floats]:
    """How far the margin moves when a feature takes its training median, each alone; they need not add up."""
    medians = np.array([profile.median for profile in artefact.manifest.features], np.float32)
    rows = np.repeat(row[np.newaxis], len(row) + 2, axis=0)
    rows[np.arange(len(row)), np.arange(len(row))] = medians
    rows[-1] = medians
    margins = _margin(artefact, rows)
    return float(margins[-1]), margins[-2] - margins[:-2]


def _margin(artefact: Artefact, rows: NDArray[np.float32]) -> Floats:
    manifest, total = artefact.manifest, np.zeros(len(rows))
    for member, files in zip(manifest.ensemble.members, manifest.engines, strict=True):
        table = np.maximum(OnnxEngine(artefact.read(files.onnx)).predict(rows), _LEAST)
        raw = np.log(table[:, Outcome.UP] / table[:, Outcome.DOWN])
        total += member.weight * (member.calibration.scale * raw + _shift(member.calibration.shifts))
    return total


def _shift(shifts: tuple[float, ...]) -> float:
    return shifts[Outcome.UP] - shifts[Outcome.DOWN]


def _explanation(manifest: Manifest, row: NDArray[np.float32], base: float, parts: Floats, method: str) -> Explanation:
    order = np.argsort(-np.abs(parts), kind="stable")
    margin = base + float(parts.sum())
    shares = tuple(Contribution(manifest.features[n].name, float(row[n]), float(parts[n])) for n in order)
    return Explanation(method, float(base), margin, shares)


def main() -> None:
    """One question on standard input, one answer on standard output; what libraries print goes elsewhere."""
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    answer: Answer
    try:
        artefact = open_artefact(Path(question.folder), seal=question.seal)
        answer = Explained(explain(artefact, np.asarray(question.row, np.float32)))
    except FatalError as error:
        answer = Unexplained(str(error))
    stdout.write(msgspec.msgpack.encode(answer))
    stdout.flush()


if __name__ == "__main__":
    main()
