"""Models that say what a test tells them to, behind the port of the serving process."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from alphaplus_tui.domain.analysis import EngineOpinion, Explanation, Prediction, Probabilities, Role
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import TransientError
from alphaplus_tui.models.artefact import Manifest, open_artefact
from alphaplus_tui.ports.model import COLUMNS, Opinions, ServedModel, ServerStatus, Window, WindowBatch

NEEDED = 600


class FakeModelServer:
    """``says`` is the opinion of every model; ``failures`` are raised by the next questions, one each."""

    def __init__(self) -> None:
        self.says = Probabilities(0.1, 0.2, 0.7)
        self.distance = 0.01
        self.failures: list[TransientError] = []
        self.asked: list[WindowBatch] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._models: dict[Role, Manifest] = {}
        self._status = ServerStatus(False, 0, 0, "not started")

    @property
    def status(self) -> ServerStatus:
        return self._status

    async def run(self, on_change: Callable[[ServerStatus], None]) -> None:
        self._status = ServerStatus(True, 1, 0, "")
        on_change(self._status)
        await asyncio.Event().wait()

    async def load(self, role: Role, folder: str, seal: str) -> ServedModel:
        await asyncio.sleep(0)
        manifest = open_artefact(Path(folder), seal=seal).manifest
        self._models[role] = manifest
        return _served(role, manifest)

    async def unload(self, role: Role) -> None:
        self._models.pop(role, None)

    async def predict(self, batch: WindowBatch, *, deadline_s: float | None) -> tuple[Opinions, ...]:
        self.asked.append(batch)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return tuple(
            Opinions(
                _served(role, self._models[role]), tuple(self._opinion(self._models[role], w) for w in batch.windows)
            )
            for role in Role
            if role in self._models
        )

    def _opinion(self, manifest: Manifest, window: Window) -> Prediction:
        opened = np.frombuffer(window.open_times, "<i8")
        values = np.frombuffer(window.values, "<f8").reshape(len(COLUMNS), -1)
        names = tuple(profile.name for profile in manifest.features)
        known = len(opened) >= NEEDED
        return Prediction(
            instrument=window.instrument,
            timeframe=window.timeframe,
            open_time=int(opened[-1]),
            candle_revision=window.revision,
            model=manifest.id,
            probabilities=self.says if known else None,
            engines=(EngineOpinion("linear", self.says),) if known else (),
            features=tuple(float(values[3, -1]) if known else float("nan") for _ in names),
            absent=() if known else names,
            out_of_range=(),
            distance=self.distance if known else float("nan"),
            entry=float(values[3, -1]),
            forming=window.forming,
        )


class FakeExplainer:
    """Gives the explanation it holds, and remembers what was asked; ``slow`` never answers."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.asked: list[tuple[str, str, tuple[float, ...]]] = []
        self.slow = False

    async def explain(self, folder: str, seal: str, row: Sequence[float]) -> Explanation:
        self.asked.append((folder, seal, tuple(row)))
        if self.slow:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return msgspec.structs.replace(self.explanation)


def _served(role: Role, manifest: Manifest) -> ServedModel:
    return ServedModel(
        role,
        manifest.id,
        parse_timeframe(manifest.timeframe),
        manifest.edge,
        manifest.none_change,
        manifest.rule.horizon,
    )
