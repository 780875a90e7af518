"""One file of the spool: records of magic, length, checksum and an encoded batch, one behind the other."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

MAGIC = b"apb1"
HEAD = struct.Struct(">4sII")
"""Magic, length and checksum of the payload that follows."""
SUFFIX = ".spool"


class Place(Struct, frozen=True, gc=False):
    """Where a payload is within its segment."""

    offset: int
    length: int
    checksum: int


class Found(Struct, frozen=True):
    """What a segment left by an earlier run holds."""

    places: tuple[Place, ...]
    damaged: int
    """Stretches that are no whole record; the torn end of a killed writer is none."""
    size: int


class SegmentFile:
    """The segment being written; a failed append leaves it as it was."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, payload: bytes) -> Place:
        checksum = zlib.crc32(payload)
        rest = memoryview(HEAD.pack(MAGIC, len(payload), checksum) + payload)
        place = Place(self.size + HEAD.size, len(payload), checksum)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size = place.offset + place.length
        return place

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)


def read(path: Path, place: Place) -> bytes | None:
    """The payload, or None when it is not what was written."""
    with path.open("rb") as file:
        file.seek(place.offset)
        payload = file.read(place.length)
    return payload if len(payload) == place.length and zlib.crc32(payload) == place.checksum else None


def survey(path: Path) -> Found:
    """Walk through a segment that an earlier run left; behind damage it goes on at the next whole record."""
    data = path.read_bytes()
    places: list[Place] = []
    damaged, position = 0, 0
    while position < len(data):
        place = _place_at(data, position)
        if place is not None:
            places.append(place)
            position = place.offset + place.length
            continue
        following = next(_whole_records(data, position + 1), None)
        if following is None:
            damaged += not _is_torn_end(data, position)
            break
        damaged += 1
        position = following
    return Found(tuple(places), damaged, len(data))


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Numbers and paths of the segments there, oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit())


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:010}{SUFFIX}"


def _place_at(data: bytes, position: int) -> Place | None:
    if position + HEAD.size > len(data):
        return None
    magic, length, checksum = HEAD.unpack_from(data, position)
    offset = position + HEAD.size
    if magic != MAGIC or offset + length > len(data):
        return None
    if zlib.crc32(memoryview(data)[offset : offset + length]) != checksum:
        return None
    return Place(offset, length, checksum)


def _whole_records(data: bytes, position: int) -> Iterator[int]:
    while (position := data.find(MAGIC, position)) >= 0:
        if _place_at(data, position) is not None:
            yield position
        position += 1


def _is_torn_end(data: bytes, position: int) -> bool:
    """Whether what is there is the beginning of a record whose rest was never written."""
    head = data[position : position + HEAD.size]
    if len(head) < HEAD.size:
        return head[: len(MAGIC)] == MAGIC[: len(head)]
    magic, length, _ = HEAD.unpack(head)
    return magic == MAGIC and position + HEAD.size + length > len(data)
