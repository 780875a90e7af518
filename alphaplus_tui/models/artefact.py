"""A model on disk: a folder with a manifest, and nothing in it is parsed before its hash was right."""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.barriers import BarrierRule
from alphaplus_tui.models.ensemble import Ensemble

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
REPORT = "report.json"
_LARGEST_FILE = 256 * 2**20
_LARGEST_MANIFEST = 8 * 2**20


class ModelRefused(FatalError):
    """A model whose files are not what its manifest says, or hold what we do not run."""

    title = "Model refused"


class FeatureProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """A feature as the model was trained on it."""

    name: str
    version: int
    parameters: tuple[int, ...]
    low: float
    high: float
    """The least and the greatest that training saw."""
    median: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    """Training rows by bin, for the stability index."""
    clock: bool = False


class EngineFiles(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an engine of the ensemble is kept."""

    engine: str
    onnx: str
    native: str = ""
    """In the library's own format; empty where only ONNX exists."""


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is, and what its files must be."""

    id: str
    created_at: int
    """UTC ns."""
    timeframe: str
    instruments: tuple[str, ...]
    rule: BarrierRule
    none_change: float
    """Mean log return of NONE in training."""
    features: tuple[FeatureProfile, ...]
    engines: tuple[EngineFiles, ...]
    ensemble: Ensemble
    trained_from: int
    trained_until: int
    """Closes of the first and of the last candle that training saw, labels included, UTC ns."""
    rows: int
    edge: bool
    verdict: str
    metrics: Mapping[str, float]
    libraries: Mapping[str, str]
    parity: Mapping[str, float]
    """Largest difference between native and ONNX probabilities, by engine."""
    files: Mapping[str, str]
    """SHA-256 of every other file of the folder, by name."""
    origin: str = "trained"
    """``trained`` here, or ``imported``."""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_artefact(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """Write a new folder, the manifest last; returns the manifest's digest. ``files`` are sealed into it."""
    folder.mkdir(mode=0o700, parents=True)
    for name, content in files.items():
        _write(folder / _plain_name(name), content)
    sealed = msgspec.structs.replace(manifest, files={name: digest(content) for name, content in files.items()})
    encoded = msgspec.json.format(msgspec.json.encode(sealed), indent=1)
    seal = digest(encoded)
    _write(folder / SEAL, seal.encode())
    _write(folder / MANIFEST, encoded)
    return seal


class Artefact:
    """An opened model: every file was hashed, and is kept as bytes that nobody can exchange afterwards."""

    def __init__(self, manifest: Manifest, files: Mapping[str, bytes], seal: str) -> None:
        self.manifest, self._files, self.seal = manifest, files, seal

    def read(self, name: str) -> bytes:
        if name not in self._files:
            raise ModelRefused(f"model {self.manifest.id} has no file {name!r}")
        return self._files[name]


def open_artefact(folder: Path, *, seal: str | None = None) -> Artefact:
    """Read a folder; ``ModelRefused`` when anything in it was altered, is missing, or does not belong there.

    seal: the manifest's digest as the registry knows it; without it the one that lies beside the manifest counts.
    """
    found = _names(folder)
    for name in (MANIFEST, SEAL):
        if name not in found:
            raise ModelRefused(f"{folder.name}: {name} is missing")
    encoded = _read(folder / MANIFEST, _LARGEST_MANIFEST)
    beside = _read(folder / SEAL, 1024).decode("ascii", "replace")
    actual = digest(encoded)
    if actual != beside or (seal is not None and actual != seal):
        raise ModelRefused(f"{folder.name}: {MANIFEST} was altered (its SHA-256 is {actual[:12]}…)")
    try:
        manifest = msgspec.json.decode(encoded, type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelRefused(f"{folder.name}: {MANIFEST} cannot be read: {error}") from None
    expected = set(manifest.files)
    if extra := found - expected - {MANIFEST, SEAL}:
        raise ModelRefused(f"{folder.name}: {sorted(extra)[0]!r} does not belong there")
    files: dict[str, bytes] = {}
    for name, wanted in manifest.files.items():
        if name not in found:
            raise ModelRefused(f"{folder.name}: {name} is missing")
        content = _read(folder / _plain_name(name), _LARGEST_FILE)
        if digest(content) != wanted:
            raise ModelRefused(f"{folder.name}: {name} was altered (its SHA-256 is not the manifest's)")
        files[name] = content
    return Artefact(manifest, files, actual)


def _plain_name(name: str) -> str:
    if not name or name != Path(name).name or name in (MANIFEST, SEAL):
        raise ModelRefused(f"{name!r} is no name of a file in a model's folder")
    return name


def _names(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder)}
    except OSError as error:
        raise ModelRefused(f"{folder.name}: {error.strerror}") from None


def _read(file: Path, limit: int) -> bytes:
    """The content of a regular file; a link would let the content change behind the hash."""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ModelRefused(f"{file.name}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ModelRefused(f"{file.name} is no regular file")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ModelRefused(f"{file.name} is larger than {limit // 2**20} MB")
    return content


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)
