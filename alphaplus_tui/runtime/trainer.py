"""Trains in the learning room's process, and puts what came of it into the registry."""

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from alphaplus_tui.ports.trainer import History, TrainedModel, TrainingTask
from alphaplus_tui.settings.learning import SignalSettings, TrainingSettings

if TYPE_CHECKING:
    from alphaplus_tui.learning.request import Done, Progress, TrainRequest, WireHistory

_THREADS = 2


class ProcessTrainer:
    """Trainer. The learning room is imported with the first training, in a thread: it brings numpy and TA-Lib."""

    def __init__(self, models: Path, settings: TrainingSettings, signals: SignalSettings) -> None:
        """models: the registry's folder."""
        self._models, self._settings, self._signals = models, settings, signals

    async def train(self, task: TrainingTask, on_progress: Callable[[str, float], None]) -> TrainedModel:
        await asyncio.to_thread(import_module, "alphaplus_tui.learning.process")
        from alphaplus_tui.learning.process import train  # noqa: PLC0415  see above

        request = await asyncio.to_thread(self._request, task)

        def tell(progress: "Progress") -> None:
            on_progress(progress.step, progress.share)

        done = await train(request, tell, memory_limit_mb=self._settings.memory_limit_mb)
        await asyncio.to_thread(self._register, done)
        judged = done.report.promotion
        return TrainedModel(done.manifest.id, done.report.verdict, judged.promoted, judged.reason)

    def _request(self, task: TrainingTask) -> "TrainRequest":
        from alphaplus_tui.features.barriers import BarrierRule  # noqa: PLC0415  see above
        from alphaplus_tui.learning.request import TrainRequest  # noqa: PLC0415  see above
        from alphaplus_tui.learning.signals import SignalRule  # noqa: PLC0415  see above
        from alphaplus_tui.learning.train import TrainOptions  # noqa: PLC0415  see above
        from alphaplus_tui.models.registry import Registry  # noqa: PLC0415  see above

        registry = Registry(self._models, time.time_ns)
        champion = registry.champion
        return TrainRequest(
            histories=packed(task.histories),
            options=TrainOptions(
                timeframe=task.timeframe,
                rule=BarrierRule(self._settings.horizon, self._settings.barrier),
                engines=task.engines,
                folds=self._settings.folds,
                threads=_THREADS,
                signals=SignalRule(
                    fees_bps=self._signals.fees_bps,
                    min_expected_value_bps=self._signals.min_expected_value_bps,
                    min_agreement=self._signals.min_agreement,
                    cooldown_s=self._signals.cooldown_s,
                ),
            ),
            model=task.model,
            created_at=task.created_at,
            anchor=task.anchor,
            mood=task.mood,
            champion=str(registry.path(champion.id)) if champion is not None else "",
            champion_seal=champion.seal if champion is not None else "",
        )

    def _register(self, done: "Done") -> None:
        from alphaplus_tui.models.registry import Registry  # noqa: PLC0415  see above

        Registry(self._models, time.time_ns).add(done.manifest, done.files)


def packed(histories: Sequence[History]) -> "tuple[WireHistory, ...]":
    """As the learning room takes them."""
    from alphaplus_tui.learning.request import WireHistory  # noqa: PLC0415  see above

    return tuple(
        WireHistory(history.instrument, history.timeframe, history.open_times, history.columns) for history in histories
    )
