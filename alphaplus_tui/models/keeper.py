"""What a user, and the rules, do with the registry of a data folder."""

from collections.abc import Callable
from pathlib import Path

from alphaplus_tui.errors import FatalError
from alphaplus_tui.models.artefact import REPORT
from alphaplus_tui.models.registry import Entry, Registry, Stage
from alphaplus_tui.ports.store import ModelRecord


class RegistryKeeper:
    """ModelKeeper. Every call reads the index anew: a short command may have changed it."""

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        """now: UTC ns."""
        self._registry = Registry(folder, now)
        self._known: dict[str, ModelRecord] = {}

    def records(self) -> tuple[ModelRecord, ...]:
        index = self._registry.index
        newest_first = sorted(index.entries, key=lambda entry: (-entry.added_at, entry.id))
        return tuple(
            self._record(entry, pinned=index.pinned and entry.stage is Stage.CHAMPION) for entry in newest_first
        )

    def promote(self, model: str, reason: str, *, by_user: bool) -> None:
        self._registry.promote(model, reason, by_user=by_user)

    def pin(self, model: str) -> None:
        self._registry.pin(model)

    def unpin(self) -> None:
        self._registry.unpin()

    def roll_back(self) -> str:
        return self._registry.rollback().id

    def report(self, model: str) -> str:
        return self._registry.open(model).read(REPORT).decode()

    def folder(self, model: str) -> tuple[str, str]:
        return str(self._registry.path(model)), self._registry.entry(model).seal

    def _record(self, entry: Entry, *, pinned: bool) -> ModelRecord:
        described = self._known.get(entry.seal)
        trouble = ""
        if described is None:
            try:
                described = self._known[entry.seal] = self._described(entry.id)
            except FatalError as error:
                described, trouble = _unknown(entry.id), str(error)
        return ModelRecord(
            id=entry.id,
            stage=entry.stage.value,
            pinned=pinned,
            added_at=entry.added_at,
            changed_at=entry.changed_at,
            reason=entry.reason,
            timeframe=described.timeframe,
            instruments=described.instruments,
            engines=described.engines,
            edge=described.edge,
            verdict=described.verdict,
            metrics=described.metrics,
            trained_from=described.trained_from,
            trained_until=described.trained_until,
            rows=described.rows,
            origin=described.origin,
            trouble=trouble,
        )

    def _described(self, model: str) -> ModelRecord:
        """A sealed folder does not change: what its manifest says is read once."""
        manifest = self._registry.open(model).manifest
        return ModelRecord(
            id=model,
            stage="",
            pinned=False,
            added_at=0,
            changed_at=0,
            reason="",
            timeframe=manifest.timeframe,
            instruments=manifest.instruments,
            engines=tuple(files.engine for files in manifest.engines),
            edge=manifest.edge,
            verdict=manifest.verdict,
            metrics=dict(manifest.metrics),
            trained_from=manifest.trained_from,
            trained_until=manifest.trained_until,
            rows=manifest.rows,
            origin=manifest.origin,
        )


def _unknown(model: str) -> ModelRecord:
    return ModelRecord(model, "", False, 0, 0, "", "", (), (), False, "", {}, 0, 0, 0, origin="")
