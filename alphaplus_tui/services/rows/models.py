"""Writes what is known of the models: the registry, who serves, how they do."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.kernel.meters import HistogramReading
from alphaplus_tui.ports.model import ServerStatus, ShelfModel
from alphaplus_tui.state.slices import InferenceRow, ModelRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY


class Watched(Struct, frozen=True):
    """What watching a model found so far."""

    live_brier: float | None = None
    live_low: float | None = None
    live_high: float | None = None
    live_rows: int = 0
    drift_psi: float | None = None
    drift_feature: str = ""
    parity: float | None = None


class ModelRows:
    """The slices ``models`` and ``inference``."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._models: dict[str, ShelfModel] = {}
        self._served: dict[Role, str] = {}
        self._troubles: dict[str, str] = {}
        self._watched: dict[str, Watched] = {}
        self._inference = InferenceRow(False, 0, 0, "starting", "", "", None, None)

    def registry(self, models: Sequence[ShelfModel], served: Mapping[Role, str], troubles: Mapping[str, str]) -> None:
        """troubles: why a model that should serve does not, by its id."""
        for gone in self._models.keys() - {model.id for model in models}:
            self._state.models.drop(gone)
        self._models = {model.id: model for model in models}
        self._served, self._troubles = dict(served), dict(troubles)
        for model in models:
            self._show(model)
        champion, challenger = served.get(Role.CHAMPION, ""), served.get(Role.CHALLENGER, "")
        self._put(structs.replace(self._inference, champion=champion, challenger=challenger))

    def watched(self, model: str, found: Watched) -> None:
        self._watched[model] = found
        if model in self._models:
            self._show(self._models[model])

    def server(self, status: ServerStatus, reason: str = "") -> None:
        """reason: what else keeps models from serving."""
        self._put(
            structs.replace(
                self._inference,
                running=status.running,
                pid=status.pid,
                restarts=status.restarts,
                reason=status.reason or reason,
            )
        )

    def latency(self, reading: HistogramReading) -> None:
        if reading.count:
            p50_ms, p99_ms = reading.quantile(0.5) * 1e3, reading.quantile(0.99) * 1e3
            self._put(structs.replace(self._inference, p50_ms=p50_ms, p99_ms=p99_ms))

    def _show(self, model: ShelfModel) -> None:
        found = self._watched.get(model.id, Watched())
        serving = next((role.value for role, served in self._served.items() if served == model.id), "")
        self._state.models.put(
            model.id,
            ModelRow(
                id=model.id,
                stage=model.stage,
                serving=serving,
                pinned=model.pinned,
                added_at=model.added_at,
                reason=model.reason,
                timeframe=model.timeframe,
                engines=model.engines,
                edge=model.edge,
                verdict=model.verdict,
                metrics=model.metrics,
                trouble=model.trouble or self._troubles.get(model.id, ""),
                live_brier=found.live_brier,
                live_low=found.live_low,
                live_high=found.live_high,
                live_rows=found.live_rows,
                drift_psi=found.drift_psi,
                drift_feature=found.drift_feature,
                parity=found.parity,
            ),
        )

    def _put(self, row: InferenceRow) -> None:
        if row != self._inference or not len(self._state.inference):
            self._inference = row
            self._state.inference.put(ONLY, row)
