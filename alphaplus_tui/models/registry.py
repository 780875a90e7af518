"""The models of a data folder: who serves, who waits, who served before."""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from alphaplus_tui.errors import UnknownName, UsageError
from alphaplus_tui.models.artefact import Artefact, Manifest, ModelRefused, open_artefact, write_artefact
from alphaplus_tui.models.onnx import check_graph

INDEX = "registry.json"
_LOCK = "registry.lock"


class Stage(StrEnum):
    """Of a model's life."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the registry."""

    id: str
    stage: Stage
    seal: str
    """Digest of its manifest."""
    added_at: int
    changed_at: int
    reason: str = ""
    """Why it is at this stage."""


class Index(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``registry.json`` holds."""

    entries: tuple[Entry, ...] = ()
    before: tuple[str, ...] = ()
    """Champions of the past, the latest last, for rolling back."""
    pinned: bool = False
    """Nobody but the user changes the champion."""


class Registry:
    """Artefacts in folders by id, and an index that is replaced whole: readers see the old or the new one.

    Those who change it do so one after the other, whatever process they are in.
    """

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        """now: UTC ns."""
        self._folder, self._now = folder, now

    @property
    def index(self) -> Index:
        """As it is on disk now; ``ModelRefused`` when that cannot be read."""
        try:
            return msgspec.json.decode((self._folder / INDEX).read_bytes(), type=Index)
        except FileNotFoundError:
            return Index()
        except msgspec.DecodeError as error:
            raise ModelRefused(f"{self._folder / INDEX} cannot be read: {error}") from None

    @property
    def champion(self) -> Entry | None:
        return next((entry for entry in self.index.entries if entry.stage is Stage.CHAMPION), None)

    @property
    def challenger(self) -> Entry | None:
        """The newest candidate: it runs in the shadow."""
        candidates = [entry for entry in self.index.entries if entry.stage is Stage.CANDIDATE]
        return max(candidates, key=lambda entry: entry.added_at, default=None)

    def entry(self, model: str) -> Entry:
        """``UnknownName`` when there is no such model."""
        entries = {entry.id: entry for entry in self.index.entries}
        if model not in entries:
            raise UnknownName("model", model, entries)
        return entries[model]

    def open(self, model: str) -> Artefact:
        """The model, every byte checked; ``ModelRefused``."""
        entry = self.entry(model)
        return open_artefact(self._folder / model, seal=entry.seal)

    def path(self, model: str) -> Path:
        """Where the model's folder is, for a process that opens it itself (with the entry's seal)."""
        return self._folder / self.entry(model).id

    def add(self, manifest: Manifest, files: Mapping[str, bytes]) -> Entry:
        """Check a new model and keep it as a candidate; ``ModelRefused``."""
        # features bring TA-Lib, which whoever only reads the registry does without
        from alphaplus_tui.models.predictor import known_features  # noqa: PLC0415

        known_features(manifest)
        for engine in manifest.engines:
            check_graph(files[engine.onnx], len(manifest.features))
        with self._alone():
            return self._keep(manifest, files)

    def adopt(self, folder: Path, reason: str) -> Entry:
        """Copy an artefact that was checked before it was packed, and make it the champion; ``ModelRefused``.

        Only its hashes are checked here; whoever serves it checks the rest.
        """
        artefact = open_artefact(folder)
        files = {name: artefact.read(name) for name in artefact.manifest.files}
        with self._alone():
            self._keep(artefact.manifest, files)
            return self._promote(artefact.manifest.id, reason)

    def promote(self, model: str, reason: str, *, by_user: bool = True) -> Entry:
        """Make it the champion; the old one retires. ``UsageError`` when the champion is pinned and it is no user."""
        with self._alone():
            return self._promote(model, reason, by_user=by_user)

    def _promote(self, model: str, reason: str, *, by_user: bool = True) -> Entry:
        entry, index, old = self.entry(model), self.index, self.champion
        if index.pinned and not by_user:
            raise UsageError("the champion is pinned")
        if old is not None and old.id == model:
            return old
        self.open(model)  # what cannot be opened must not serve
        before = (*index.before, old.id) if old is not None else index.before
        changes = {model: (Stage.CHAMPION, reason)}
        if old is not None:
            changes[old.id] = (Stage.RETIRED, f"followed by {entry.id}")
        self._restage(structs.replace(index, before=before), changes)
        return self.entry(model)

    def rollback(self) -> Entry:
        """The champion before this one serves again, and is pinned; ``UsageError`` when there is none."""
        with self._alone():
            return self._roll_back()

    def _roll_back(self) -> Entry:
        index, old = self.index, self.champion
        if not index.before:
            raise UsageError("there is no earlier champion to go back to")
        model = index.before[-1]
        self.open(model)
        changes = {model: (Stage.CHAMPION, "rolled back to")}
        if old is not None:
            changes[old.id] = (Stage.RETIRED, f"rolled back to {model}")
        self._restage(structs.replace(index, before=index.before[:-1], pinned=True), changes)
        return self.entry(model)

    def pin(self, model: str) -> Entry:
        """It serves until the user says otherwise."""
        with self._alone():
            self._promote(model, "pinned by the user")
            self._replace(structs.replace(self.index, pinned=True))
            return self.entry(model)

    def unpin(self) -> None:
        with self._alone():
            self._replace(structs.replace(self.index, pinned=False))

    def _keep(self, manifest: Manifest, files: Mapping[str, bytes]) -> Entry:
        index = self.index
        if any(entry.id == manifest.id for entry in index.entries):
            raise UsageError(f"there is a model {manifest.id} already")
        shutil.rmtree(self._folder / manifest.id, ignore_errors=True)  # left over from a write that was cut short
        seal = write_artefact(self._folder / manifest.id, manifest, files)
        now = self._now()
        entry = Entry(manifest.id, Stage.CANDIDATE, seal, now, now, "new")
        self._replace(structs.replace(index, entries=(*index.entries, entry)))
        return entry

    @contextmanager
    def _alone(self) -> Generator[None]:
        """While the index is read, changed and written; a killed process holds nobody up."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _restage(self, index: Index, changes: Mapping[str, tuple[Stage, str]]) -> None:
        now = self._now()
        entries = tuple(
            structs.replace(entry, stage=changes[entry.id][0], reason=changes[entry.id][1], changed_at=now)
            if entry.id in changes
            else entry
            for entry in index.entries
        )
        self._replace(structs.replace(index, entries=entries))

    def _replace(self, index: Index) -> None:
        new = self._folder / f"{INDEX}.new"
        with new.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(index), indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._folder / INDEX)
