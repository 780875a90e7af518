"""What an engine is: something that learns probabilities of the three outcomes, and can be exported."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.errors import FatalError, UnknownName
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.learning.dataset import Dataset

Parameter = float | int
Rows = NDArray[np.float32]


class EngineMissing(FatalError):
    """The library of an engine is not installed."""

    title = "Engine not installed"


class FitOptions(Struct, frozen=True):
    """The same for every engine."""

    seed: int = 7
    threads: int = 2
    parameters: Mapping[str, Parameter] = {}
    """What tuning chose instead of the engine's own defaults."""


class Fitted(Protocol):
    """A trained engine. Class columns are in the order of ``Outcome``."""

    rounds: int
    """Trees per class that were kept."""

    def predict(self, x: Rows) -> Floats:
        """Probabilities, shape (n, 3)."""
        ...

    def importance(self) -> Floats:
        """How much each feature gained, shape (features,), sums to 1."""
        ...

    def save(self, file: Path) -> None:
        """In the library's own safe format."""
        ...

    def onnx(self) -> bytes:
        """One float32 input of rows, one output of probabilities."""
        ...


class Trainer(Protocol):
    """An engine's training; one file each under ``learning/engines``."""

    def fit(self, train: Dataset, stop: Dataset, options: FitOptions) -> Fitted:
        """Train, and stop when ``stop`` is predicted no better."""
        ...

    def space(self, trial: "Trial") -> Mapping[str, Parameter]:
        """Parameters that a tuning trial proposes."""
        ...


class Trial(Protocol):
    """What a tuner offers: a choice within bounds."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...


class EngineKind(Struct, frozen=True):
    """A row of the table of engines."""

    name: str
    library: str
    """The module that must be importable."""
    package: str
    """What to install for it."""
    trainer: str
    """``module:class``."""
    native_file: str

    @property
    def available(self) -> bool:
        try:
            return find_spec(self.library) is not None
        except ValueError:  # somebody keeps it out
            return False

    @property
    def install(self) -> str:
        return f"python -m pip install {self.package}"


ENGINES: Mapping[str, EngineKind] = {
    kind.name: kind
    for kind in (
        EngineKind(
            "xgboost", "xgboost", "xgboost", "alphaplus_tui.learning.engines.xgboost:XgboostTrainer", "xgboost.json"
        ),
        EngineKind(
            "lightgbm",
            "lightgbm",
            "lightgbm",
            "alphaplus_tui.learning.engines.lightgbm:LightgbmTrainer",
            "lightgbm.txt",
        ),
        EngineKind(
            "catboost",
            "catboost",
            "catboost",
            "alphaplus_tui.learning.engines.catboost:CatboostTrainer",
            "catboost.cbm",
        ),
    )
}


def usable(names: Sequence[str]) -> tuple[tuple[EngineKind, ...], tuple[EngineKind, ...]]:
    """The engines of ``names`` that can be used, and those whose library is missing.

    ``UnknownName`` for a name that is none, ``EngineMissing`` when not one of them can be used.
    """
    for name in names:
        if name not in ENGINES:
            raise UnknownName("engine", name, ENGINES)
    kinds = tuple(ENGINES[name] for name in dict.fromkeys(names))
    here = tuple(kind for kind in kinds if kind.available)
    missing = tuple(kind for kind in kinds if not kind.available)
    if not here:
        lines = "; ".join(f"{kind.name}: {kind.install}" for kind in missing)
        raise EngineMissing(f"none of the engines is installed ({lines})")
    return here, missing


def trainer(kind: EngineKind) -> Trainer:
    """Loads the engine's library."""
    module, _, name = kind.trainer.partition(":")
    return cast("Trainer", getattr(import_module(module), name)())
