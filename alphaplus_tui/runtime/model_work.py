"""Trainings, and the registry, for short commands without a running engine."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import structs

from alphaplus_tui.domain.analysis import Decision, Explanation, TrainingRun
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.clock import WallMarketClock
from alphaplus_tui.models.explain import ChildExplainer
from alphaplus_tui.models.keeper import RegistryKeeper
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.ports.trainer import ModelKeeper
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.runtime.trainer import ProcessTrainer
from alphaplus_tui.services.training import TrainingWish, Workshop
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings


class TrainingFailed(FatalError):
    title = "Training failed"


def keeper_of(paths: Paths) -> ModelKeeper:
    return RegistryKeeper(paths.models, time.time_ns)


async def train_here(
    settings: Settings,
    paths: Paths,
    database: ShortDatabase,
    wish: TrainingWish,
    on_progress: Callable[[str, float], None],
) -> TrainingRun:
    """Train and register now, in the caller's time; ``TrainingFailed``, ``UnknownName``."""
    keeper = keeper_of(paths)
    trainer = ProcessTrainer(paths.models, settings.training, settings.signals)
    workshop = Workshop(trainer, keeper, database.reader, settings.training, market=WallMarketClock())
    workshop.check(wish)
    run = await workshop.perform(wish, lambda _, step, share: on_progress(step, share))
    await database.writer.write(Batch(training_runs=(run,), models=keeper.records()))
    if run.state != "done":
        raise TrainingFailed(run.reason)
    return run


async def explain_here(paths: Paths, decision: Decision) -> Explanation:
    """Contributions to a stored decision; FatalError when its model is gone or refused."""
    folder, seal = keeper_of(paths).folder(decision.prediction.model)
    return await ChildExplainer().explain(folder, seal, decision.prediction.features)


def import_onnx(paths: Paths, file: Path, *, like: str, name: str) -> str:
    """Put a user's own ONNX file into the registry as a candidate; returns its id.

    like: the model whose features (in their order), labels and timeframe it follows; empty: the champion's.
    ``ModelRefused`` for a file that is not self-contained, of standard operators and of that shape.
    """
    from alphaplus_tui.models.artefact import REPORT, EngineFiles  # noqa: PLC0415  these bring numpy
    from alphaplus_tui.models.ensemble import equal  # noqa: PLC0415
    from alphaplus_tui.models.registry import Registry  # noqa: PLC0415

    registry = Registry(paths.models, time.time_ns)
    champion = registry.champion
    model = like or (champion.id if champion is not None else "")
    if not model:
        raise FatalError("there is no model yet whose features it could follow; train one first, or say --like MODEL")
    manifest = registry.open(model).manifest
    verdict = f"imported from {file.name}; not validated here"
    report = {"verdict": verdict, "edge": False, "timeframe": manifest.timeframe, "like": model}
    made = structs.replace(
        manifest,
        id=name or f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{parse_timeframe(manifest.timeframe)}-onnx",
        created_at=time.time_ns(),
        engines=(EngineFiles("onnx", "model.onnx"),),
        ensemble=equal(("onnx",)),
        edge=False,
        verdict=verdict,
        metrics={},
        parity={},
        libraries={},
        origin="imported",
    )
    return registry.add(made, {"model.onnx": file.read_bytes(), REPORT: msgspec.json.encode(report)}).id
