"""Takes a user's own ONNX file into the family: it says what it was made for, we measure what it is asked with."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.features.barriers import BarrierRule
from alphaplus_tui.features.registry import features
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.models.artefact import EngineFiles, FeatureProfile, Manifest, ModelRefused
from alphaplus_tui.models.ensemble import equal
from alphaplus_tui.models.onnx import OnnxEngine, check_graph
from alphaplus_tui.statistics.drift import bin_counts, bin_edges

PREFIX = "alphaplus."
"""Metadata of the file: ``alphaplus.features`` (names, commas between), ``.timeframe``, ``.horizon``, ``.barrier``."""
_FILE = "own.onnx"


class Claim(Struct, frozen=True):
    """What a file says of itself."""

    features: tuple[Feature, ...]
    timeframe: str
    rule: BarrierRule


def claim(content: bytes) -> Claim:
    """What the model wants and promises; ``ModelRefused`` when it does not say, or is unsafe."""
    onnx: Any = import_module("onnx")  # Any: its types are generated
    try:
        model: Any = onnx.load_from_string(content)
        said = {entry.key: entry.value for entry in model.metadata_props}
    except Exception as error:  # noqa: BLE001  whatever a parser of foreign bytes raises, the answer is no
        raise ModelRefused(f"not an ONNX model: {str(error)[:200]}") from None
    names = [name.strip() for name in _said(said, "features").split(",") if name.strip()]
    try:
        found = Claim(
            features(names),
            parse_timeframe(_said(said, "timeframe")),
            BarrierRule(int(_said(said, "horizon")), float(_said(said, "barrier"))),
        )
    except (AlphaPlusError, ValueError) as error:
        raise ModelRefused(f"the file's metadata cannot be used: {error}") from None
    if not found.features or not (2 <= found.rule.horizon <= 288 and 0.1 <= found.rule.multiple <= 10):
        raise ModelRefused("the file's metadata name no feature, or a horizon or barrier that is out of bounds")
    check_graph(content, len(found.features))
    return found


def adopt(
    content: bytes, said: Claim, rows: NDArray[np.float32], *, model: str, created_at: int, instruments: Sequence[str]
) -> tuple[Manifest, Mapping[str, bytes]]:
    """What the registry takes. rows: of our own history (n, features), without absent values.

    Range, median and drift are measured on them. Nobody here knows what it was trained on: it has no edge until its
    outcomes show one.
    """
    answered = OnnxEngine(content).predict(rows[:1000])
    if not np.isfinite(answered).all() or (answered < 0).any():
        raise ModelRefused("it does not answer with probabilities")
    manifest = Manifest(
        id=model,
        created_at=created_at,
        timeframe=said.timeframe,
        instruments=tuple(instruments),
        rule=said.rule,
        none_change=0.0,
        features=tuple(profile(feature, rows[:, column]) for column, feature in enumerate(said.features)),
        engines=(EngineFiles("own", _FILE),),
        ensemble=equal(["own"]),
        trained_from=0,
        trained_until=created_at,
        rows=len(rows),
        edge=False,
        verdict="no edge known: imported, trained elsewhere",
        metrics={},
        libraries={},
        parity={},
        files={},
        origin="imported",
    )
    return manifest, {_FILE: content}


def profile(feature: Feature, column: NDArray[np.float32]) -> FeatureProfile:
    """A feature as these rows have it."""
    values = column.astype(np.float64)
    edges = bin_edges(values)
    return FeatureProfile(
        name=feature.name,
        version=feature.version,
        parameters=feature.parameters,
        low=float(values.min()),
        high=float(values.max()),
        median=float(np.median(values)),
        edges=tuple(edges.tolist()),
        counts=tuple(bin_counts(values, edges).tolist()),
        clock=feature.clock,
    )


def _said(metadata: Mapping[str, str], key: str) -> str:
    if PREFIX + key not in metadata:
        raise ModelRefused(f"the file does not say {PREFIX}{key} in its metadata")
    return metadata[PREFIX + key]
