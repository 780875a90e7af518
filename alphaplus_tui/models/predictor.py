"""A model ready to be asked: rows of features in, the ensemble's and each engine's probabilities out."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.features.registry import FEATURES, features
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.models.artefact import Artefact, Manifest, ModelRefused
from alphaplus_tui.models.onnx import OnnxEngine


class Opinion(Struct, frozen=True):
    """Of n rows."""

    probabilities: Floats
    """The ensemble's, (n, 3): down, none, up."""
    engines: Floats
    """Each engine's, calibrated, (engines, n, 3)."""


class Predictor:
    """Holds the sessions of one artefact; for the process that serves."""

    def __init__(self, artefact: Artefact, *, threads: int = 1) -> None:
        self.manifest: Manifest = artefact.manifest
        self.features: tuple[Feature, ...] = known_features(self.manifest)
        self._engines = [OnnxEngine(artefact.read(files.onnx), threads=threads) for files in self.manifest.engines]
        self._low = np.array([profile.low for profile in self.manifest.features])
        self._high = np.array([profile.high for profile in self.manifest.features])

    def predict(self, x: NDArray[np.float32]) -> Opinion:
        """x: (n, features), float32, nothing absent."""
        probabilities, calibrated = self.manifest.ensemble.apply(self.raw(x))
        return Opinion(probabilities, calibrated)

    def raw(self, x: NDArray[np.float32]) -> list[Floats]:
        """What each engine says before it is calibrated, (n, 3) each."""
        return [engine.predict(x) for engine in self._engines]

    def out_of_range(self, x: NDArray[np.float32]) -> list[tuple[str, ...]]:
        """For each row of x, (n, features): names of the features that are outside of what training saw."""
        names = [profile.name for profile in self.manifest.features]
        return named(names, (x < self._low) | (x > self._high))


def named(names: Sequence[str], table: NDArray[np.bool_]) -> list[tuple[str, ...]]:
    """For each row of the table, shape (n, names): the names of the columns that are true."""
    found: list[list[str]] = [[] for _ in table]
    for row, column in np.argwhere(table).tolist():
        found[row].append(names[column])
    return [tuple(row) for row in found]


def known_features(manifest: Manifest) -> tuple[Feature, ...]:
    """The features a model asks for; ``ModelRefused`` when ours are others by now."""
    try:
        found = features([profile.name for profile in manifest.features])
    except FatalError as error:
        raise ModelRefused(f"model {manifest.id} was trained on what this version does not have: {error}") from None
    for profile in manifest.features:
        feature = FEATURES[profile.name]
        if (feature.version, feature.parameters) != (profile.version, profile.parameters):
            raise ModelRefused(
                f"model {manifest.id} was trained on version {profile.version} of {profile.name}, "
                f"this is version {feature.version}: train anew"
            )
    return found
