"""The registry of a data folder as services see it; brings no library that a model needs to run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import structs

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.models.artefact import Manifest
from alphaplus_tui.models.promotion import DayDifference as Day
from alphaplus_tui.models.promotion import judge_promotion
from alphaplus_tui.models.registry import Entry, Registry, Stage
from alphaplus_tui.ports.model import DayDifference, Profile, ShelfModel


class RegistryShelf:
    """Manifests are read once: a sealed folder does not change."""

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        self._registry = Registry(folder, now)
        self._read: dict[str, ShelfModel] = {}

    def models(self) -> tuple[ShelfModel, ...]:
        index, challenger = self._registry.index, self._registry.challenger
        found: list[ShelfModel] = []
        for entry in sorted(index.entries, key=lambda entry: entry.added_at, reverse=True):
            model = self._model(entry)
            role: Role | None = None
            if entry.stage is Stage.CHAMPION:
                role = Role.CHAMPION
            elif challenger is not None and entry.id == challenger.id:
                role = Role.CHALLENGER
            pinned = index.pinned and entry.stage is Stage.CHAMPION
            found.append(structs.replace(model, serves=role, pinned=pinned))
        return tuple(found)

    def consider(self, candidate: str, days: Sequence[DayDifference]) -> tuple[bool, str]:
        found = judge_promotion([Day(day.day, day.rows, day.sum) for day in days])
        if not found.promoted:
            return False, found.reason
        try:
            self._registry.promote(candidate, found.reason, by_user=False)
        except (UsageError, FatalError) as error:
            return False, str(error)
        return True, found.reason

    def _model(self, entry: Entry) -> ShelfModel:
        known = self._read.get(entry.seal)
        if known is None:
            try:
                known = _described(self._registry.open(entry.id).manifest)
                self._read[entry.seal] = known
            except FatalError as error:
                known = _blank(entry.id, str(error))
        return structs.replace(
            known,
            stage=entry.stage.value,
            added_at=entry.added_at,
            changed_at=entry.changed_at,
            reason=entry.reason,
            folder=str(self._registry.path(entry.id)),
            seal=entry.seal,
        )


def _blank(model: str, trouble: str) -> ShelfModel:
    return ShelfModel(
        id=model,
        stage="",
        pinned=False,
        serves=None,
        added_at=0,
        changed_at=0,
        reason="",
        folder="",
        seal="",
        trouble=trouble,
    )


def _described(manifest: Manifest) -> ShelfModel:
    return structs.replace(
        _blank(manifest.id, ""),
        timeframe=parse_timeframe(manifest.timeframe),
        engines=tuple(files.engine for files in manifest.engines),
        edge=manifest.edge,
        verdict=manifest.verdict,
        trained_until=manifest.trained_until,
        metrics=dict(manifest.metrics),
        profiles=tuple(
            Profile(profile.name, profile.edges, profile.counts, profile.low, profile.high, profile.clock)
            for profile in manifest.features
        ),
    )
