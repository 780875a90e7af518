"""Makes an artefact of a trained ensemble: ONNX that says the same as the original, native files, manifest, report."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from msgspec import Struct

from alphaplus_tui.domain.timeframe import duration_ns, parse_timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.learning.engine import ENGINES, Fitted
from alphaplus_tui.learning.report import Scores
from alphaplus_tui.learning.train import ENSEMBLE, Trained, TrainOptions
from alphaplus_tui.models.artefact import REPORT, EngineFiles, Manifest
from alphaplus_tui.models.foreign import profile
from alphaplus_tui.models.onnx import OnnxEngine, check_graph

PARITY_ROWS = 1000
LARGEST_DIFFERENCE = 1e-5
_LIBRARIES = ("numpy", "TA-Lib", "xgboost", "xgboost-cpu", "lightgbm", "catboost", "onnx", "onnxmltools", "onnxruntime")


class ExportDiffers(FatalError):
    """An engine's ONNX file does not say what the engine says."""

    title = "Export differs"


class Exported(Struct, frozen=True):
    """What the registry takes."""

    manifest: Manifest
    files: Mapping[str, bytes]


def export(trained: Trained, options: TrainOptions, *, created_at: int, model: str) -> Exported:
    """``ExportDiffers`` when an engine's probabilities differ by more than ``LARGEST_DIFFERENCE``."""
    data, report = trained.train, trained.report
    every = max(1, len(data) // PARITY_ROWS)
    sample = data.x[::every][:PARITY_ROWS]
    files: dict[str, bytes] = {}
    parity: dict[str, float] = {}
    engines: list[EngineFiles] = []
    for name, engine in trained.engines.items():
        content = engine.onnx()
        check_graph(content, data.x.shape[1])
        parity[name] = difference(engine, content, sample)
        if not parity[name] <= LARGEST_DIFFERENCE:
            raise ExportDiffers(f"{name}: ONNX differs by {parity[name]:.2g} on {len(sample)} rows")
        native = ENGINES[name].native_file
        files[f"{name}.onnx"], files[native] = content, _saved(engine, native)
        engines.append(EngineFiles(name, f"{name}.onnx", native))
    files[REPORT] = msgspec.json.encode(report)
    longest = max(feature.lookback for feature in data.features) * duration_ns(parse_timeframe(options.timeframe))
    manifest = Manifest(
        id=model,
        created_at=created_at,
        timeframe=options.timeframe,
        instruments=data.instruments,
        rule=options.rule,
        none_change=trained.none_change,
        features=tuple(profile(feature, data.x[:, column]) for column, feature in enumerate(data.features)),
        engines=tuple(engines),
        ensemble=trained.ensemble,
        trained_from=int(data.known.min()) - longest,
        trained_until=int(data.ends.max()),
        rows=len(data),
        edge=report.edge,
        verdict=report.verdict,
        metrics={**_metrics("pooled", report.pooled[ENSEMBLE]), **_metrics("holdout", report.holdout[ENSEMBLE])},
        libraries=_versions(),
        parity=parity,
        files={},
    )
    return Exported(manifest, files)


def difference(engine: Fitted, content: bytes, sample: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> float:
    """Largest difference of a probability between the engine and its ONNX file."""
    return float(np.abs(engine.predict(sample) - OnnxEngine(content).predict(sample)).max())


def _saved(engine: Fitted, name: str) -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        engine.save(file)
        return file.read_bytes()


def _metrics(where: str, scores: Scores) -> dict[str, float]:
    names = ("log_loss", "baseline", "gain_pct", "brier", "ece", "auc_direction")
    return {f"{where}_{name}": float(getattr(scores, name)) for name in names}


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
