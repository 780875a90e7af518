"""Finds the tables in files and folders: plain, gzip, zstandard, and each member of a zip."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO, cast

import zstandard
from msgspec import Struct

from alphaplus_tui.errors import FatalError

ENDINGS = (".csv", ".feather", ".parquet", ".pq")
"""What is looked for in folders, bare or packed."""
PACKED = (".gz", ".zst", ".zip")
TROUBLE = (OSError, ValueError, EOFError, csv.Error, zlib.error, zstandard.ZstdError)
"""What reading a file can end with."""
_MOST_MEMBERS = 10_000


class UnreadableFile(FatalError):
    """A file that holds no history we can read; the text does not say its name."""

    title = "Unreadable file"


class Source(Struct, frozen=True):
    """A file, or a member of a zip."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """What people are told."""
        return self.path.name

    @property
    def inner(self) -> str:
        """The name of what is inside, without folders and the packing's ending."""
        name = PurePosixPath(self.member).name if self.member else self.path.name
        for ending in PACKED:
            name = name.removesuffix(ending)
        return name

    @property
    def stem(self) -> str:
        return self.inner.rpartition(".")[0] or self.inner

    @property
    def ending(self) -> str:
        """``csv``, ``feather``; empty where the name has none."""
        return self.inner.rpartition(".")[2].lower() if "." in self.inner else ""

    @property
    def folders(self) -> tuple[str, ...]:
        """The nearest that lead here, in lower case."""
        return tuple(map(str.lower, self.path.absolute().parts[-8:-1]))

    @property
    def words(self) -> frozenset[str]:
        """The folders that lead here and the parts of the name, in lower case."""
        return frozenset((*self.folders, *self.path.name.lower().replace(".", "_").split("_")))


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """Files as given, and those of the folders whose names we read, at any depth, in the order of their names."""
    files: list[Path] = []
    for path in paths:
        files.extend(sorted(filter(_is_readable, path.rglob("*"))) if path.is_dir() else [path])
    return [source for file in dict.fromkeys(files) for source in _sources(file)]


def _is_readable(path: Path) -> bool:
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    packed = name != path.name.lower()
    return path.is_file() and not name.startswith(".") and (name.endswith(ENDINGS) or (packed and "." not in name))


def _sources(file: Path) -> list[Source]:
    if file.suffix.lower() != ".zip":
        return [Source(file)]
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()][:_MOST_MEMBERS]
    except (zipfile.BadZipFile, OSError):
        return [Source(file)]  # reading it will say what is wrong
    return [Source(file, member) for member in members] or [Source(file)]


@contextmanager
def opened(source: Source, on_share: Callable[[float], None] | None = None) -> Generator[BinaryIO]:
    """The unpacked bytes; ``on_share`` is told now and then which share of the file was read."""
    size = max(1, source.path.stat().st_size)
    with source.path.open("rb") as raw:
        counted = cast(BinaryIO, _Counted(raw, lambda place: on_share(min(1.0, place / size)))) if on_share else raw
        match source.path.suffix.lower():
            case ".gz":
                with gzip.open(counted) as plain:
                    yield cast(BinaryIO, plain)
            case ".zst":
                with zstandard.ZstdDecompressor().stream_reader(counted, read_across_frames=True) as plain:
                    yield cast(BinaryIO, plain)
            case ".zip":
                with _member(counted, source) as plain:
                    yield plain
            case _:
                yield counted


@contextmanager
def _member(raw: BinaryIO, source: Source) -> Generator[BinaryIO]:
    try:
        with zipfile.ZipFile(raw) as archive:
            names = [source.member] if source.member else archive.namelist()[:1]
            if not names:
                raise UnreadableFile("the zip is empty")
            with archive.open(names[0]) as plain:
                yield cast(BinaryIO, plain)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise UnreadableFile(str(error)) from None


@contextmanager
def opened_text(source: Source, on_share: Callable[[float], None] | None = None) -> Generator[TextIO]:
    """As text, line ends as they are; what is no UTF-8 is replaced, a mark at the beginning left out."""
    with opened(source, on_share) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        try:
            yield text
        finally:
            text.detach()


class _Counted(io.RawIOBase):
    """Tells how far a file was read."""

    def __init__(self, raw: BinaryIO, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._raw, self._tell = raw, tell

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self._tell(self._raw.tell())
        return data
