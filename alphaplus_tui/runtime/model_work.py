"""Trainings, and the registry, for short commands without a running engine."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from alphaplus_tui.domain.analysis import Decision, Explanation, TrainingRun
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.clock import WallMarketClock
from alphaplus_tui.models.explain import ChildExplainer
from alphaplus_tui.models.keeper import RegistryKeeper
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.ports.trainer import ModelKeeper
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.runtime.trainer import ProcessTrainer, packed
from alphaplus_tui.services.histories import anchor_of, check_symbols, gather
from alphaplus_tui.services.training import TrainingWish, Workshop, run_name
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
    await check_symbols(database.reader, wish.symbols)
    run = await workshop.perform(wish, lambda _, step, share: on_progress(step, share))
    await database.writer.write(Batch(training_runs=(run,), models=keeper.records()))
    if run.state != "done":
        raise TrainingFailed(run.reason)
    return run


async def explain_here(paths: Paths, decision: Decision) -> Explanation:
    """Contributions to a stored decision; FatalError when its model is gone or refused."""
    folder, seal = keeper_of(paths).folder(decision.prediction.model)
    return await ChildExplainer().explain(folder, seal, decision.prediction.features)


async def import_onnx(paths: Paths, database: ShortDatabase, file: Path, *, name: str) -> str:
    """Put a user's own ONNX file into the registry as a candidate; returns its id.

    Its metadata say which features it wants and what it promises; how these are spread is measured on stored history.
    ``ModelRefused`` for a file that does not say so, or is unsafe; ``NothingStored`` without history.
    """
    # these bring numpy, TA-Lib and ONNX Runtime, which other short commands do without
    from alphaplus_tui.learning.dataset import build  # noqa: PLC0415
    from alphaplus_tui.learning.request import unpack  # noqa: PLC0415
    from alphaplus_tui.models.foreign import adopt, claim  # noqa: PLC0415
    from alphaplus_tui.models.registry import Registry  # noqa: PLC0415

    content, now = await asyncio.to_thread(file.read_bytes), time.time_ns()
    said = await asyncio.to_thread(claim, content)
    timeframe = parse_timeframe(said.timeframe)
    histories = await gather(database.reader, (), timeframe, end=now)
    mood = await database.reader.mood(since=0, until=now)

    def register() -> str:
        rows = build(unpack(packed(histories), anchor_of(histories), mood), said.features, said.rule)
        manifest, files = adopt(
            content,
            said,
            rows.x,
            model=name or f"{run_name(now, timeframe)}-own",
            created_at=now,
            instruments=rows.instruments,
        )
        return Registry(paths.models, time.time_ns).add(manifest, files).id

    return await asyncio.to_thread(register)
