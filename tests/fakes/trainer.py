"""A trainer that learns nothing and a registry in memory."""

import asyncio
from collections.abc import Callable

from msgspec import structs

from alphaplus_tui.errors import AlphaPlusError, UnknownName, UsageError
from alphaplus_tui.ports.store import ModelRecord
from alphaplus_tui.ports.trainer import TrainedModel, TrainingTask


class FakeKeeper:
    """ModelKeeper; ``add`` puts a candidate into it."""

    def __init__(self) -> None:
        self.models: dict[str, ModelRecord] = {}
        self.pinned = False
        self.before: list[str] = []

    @property
    def champion(self) -> str:
        return next((model.id for model in self.models.values() if model.stage == "champion"), "")

    def add(self, model: str) -> None:
        at = len(self.models)
        self.models[model] = ModelRecord(
            model, "candidate", False, at, at, "new", "5m", (), (), False, "no edge found", {}, 0, 0, 0
        )

    def records(self) -> tuple[ModelRecord, ...]:
        return tuple(reversed(self.models.values()))

    def promote(self, model: str, reason: str, *, by_user: bool) -> None:
        if model not in self.models:
            raise UnknownName("model", model, self.models)
        if self.pinned and not by_user:
            raise UsageError("the champion is pinned")
        if self.champion:
            self.before.append(self.champion)
            self._stage(self.champion, "retired")
        self._stage(model, "champion")

    def pin(self, model: str) -> None:
        self.promote(model, "pinned", by_user=True)
        self.pinned = True

    def unpin(self) -> None:
        self.pinned = False

    def roll_back(self) -> str:
        if not self.before:
            raise UsageError("there is no earlier champion to go back to")
        self._stage(self.champion, "retired")
        self._stage(self.before[-1], "champion")
        return self.before.pop()

    def report(self, model: str) -> str:
        if model not in self.models:
            raise UnknownName("model", model, self.models)
        return f'{{"verdict":"{self.models[model].verdict}"}}'

    def folder(self, model: str) -> tuple[str, str]:
        return f"models/{model}", "seal"

    def _stage(self, model: str, stage: str) -> None:
        self.models[model] = structs.replace(self.models[model], stage=stage)


class FakeTrainer:
    """Trainer. ``gate.clear()`` makes trainings wait; ``fails`` is raised; ``better`` is what the report says."""

    def __init__(self, keeper: FakeKeeper) -> None:
        self.keeper = keeper
        self.tasks: list[TrainingTask] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.better = True
        self.fails: AlphaPlusError | None = None
        self.cancelled = 0

    async def train(self, task: TrainingTask, on_progress: Callable[[str, float], None]) -> TrainedModel:
        self.tasks.append(task)
        on_progress("fold 1 of 6: lightgbm", 0.25)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails is not None:
            raise self.fails
        self.keeper.add(task.model)
        return TrainedModel(task.model, "no edge found", self.better, "log loss -0.01")
