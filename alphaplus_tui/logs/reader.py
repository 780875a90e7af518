"""Reads pages of the log from disk, newest first, in bounded memory over a log of any length."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alphaplus_tui.logs.disk import KEPT, sibling
from alphaplus_tui.logs.record import RANK, LogRecord, as_text, decode

_BLOCK = 64 * 1024
_LONGEST_LINE = 1024 * 1024
_LOOK_AT_THE_CLOCK = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """A record and its place: ``cursor`` stays good when the file is put aside."""

    cursor: str
    record: LogRecord


@dataclass(frozen=True, slots=True)
class Page:
    lines: tuple[Line, ...]
    """Oldest first."""
    more: bool
    """Whether there is more in the direction that was asked for."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted: those that match all of it."""

    min_level: str = "debug"
    service: str = ""
    search: str = ""

    def accepts(self, raw: bytes) -> LogRecord | None:
        """The record of a line, when it is wanted."""
        needle = self.search.casefold()
        if needle.isascii() and not set(needle) & {'"', "\\"} and needle.encode() not in raw.lower():
            return None
        record = decode(raw)
        return record if record is not None and self.wants(record) else None

    def wants(self, record: LogRecord) -> bool:
        needle = self.search.casefold()
        return (
            RANK.get(record.level, 0) >= RANK.get(self.min_level, 0)
            and (not self.service or record.service == self.service)
            and (not needle or _holds(record, needle))
        )


def read_page(
    file: Path,
    wanted: Filter = Filter(),
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int = 200,
    give_up_after_s: float = 4.0,
) -> Page:
    """The newest ``limit`` lines of the log at ``file``, those just before a cursor, or those just after one.

    Blocks: call it in a thread. A search that takes longer than ``give_up_after_s`` answers with what it has
    found and ``more``. A cursor whose file is gone: nothing is before it, and the oldest lines come after it.
    """
    deadline = time.monotonic() + give_up_after_s
    with ExitStack() as stack:
        parts = _open_all(file, stack)
        lines = _forwards(parts, after) if after else _backwards(parts, before)
        found: list[Line] = []
        more = False
        for number, (part, offset, raw) in enumerate(lines):
            record = wanted.accepts(raw)
            if record is not None:
                if len(found) == limit:
                    more = True
                    break
                found.append(Line(f"{part.inode:x}-{offset}", record))
            if number % _LOOK_AT_THE_CLOCK == 0 and time.monotonic() > deadline:
                more = True
                break
    return Page(tuple(found if after else reversed(found)), more)


@dataclass(frozen=True, slots=True)
class _Part:
    """One open file of the log."""

    stream: BinaryIO
    inode: int
    size: int


def _open_all(file: Path, stack: ExitStack) -> list[_Part]:
    """All files of the log, newest first; one that is put aside meanwhile is met once."""
    parts: dict[int, _Part] = {}
    for number in range(KEPT + 1):
        try:
            stream = stack.enter_context(sibling(file, number).open("rb"))
        except OSError:
            continue
        found = os.fstat(stream.fileno())
        if found.st_ino not in parts:
            parts[found.st_ino] = _Part(stream, found.st_ino, found.st_size)
    return list(parts.values())


def _place(parts: list[_Part], cursor: str) -> tuple[int, int] | None:
    """Which part a cursor is in, and where; None when that file is gone."""
    inode, _, offset = cursor.partition("-")
    try:
        wanted, at = int(inode, 16), int(offset)
    except ValueError:
        return None
    return next(((index, at) for index, part in enumerate(parts) if part.inode == wanted and at <= part.size), None)


def _backwards(parts: list[_Part], before: str | None) -> Iterator[tuple[_Part, int, bytes]]:
    """Lines from newest to oldest, with their offsets."""
    first, end = 0, None
    if before is not None:
        place = _place(parts, before)
        if place is None:
            return
        first, end = place
    for part in parts[first:]:
        for offset, raw in _lines_before(part.stream, part.size if end is None else end):
            yield part, offset, raw
        end = None


def _lines_before(stream: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines that end at or before ``end``, last first; what stands after the last line end is not one yet."""
    carry: bytes | None = None  # the end of a line whose beginning is in the block before
    position = end
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        stream.seek(position)
        data = stream.read(size) + (carry or b"")
        at = position + len(data)
        pieces = data.split(b"\n")
        if carry is None:
            at -= len(pieces.pop()) + 1
        for raw in reversed(pieces[1:]):
            yield at - len(raw), raw
            at -= len(raw) + 1
        if pieces:
            carry = pieces[0] if len(pieces[0]) <= _LONGEST_LINE else b""
    if carry:
        yield 0, carry


def _forwards(parts: list[_Part], after: str) -> Iterator[tuple[_Part, int, bytes]]:
    """Lines from the one after a cursor to the newest."""
    place = _place(parts, after)
    index, offset = place if place is not None else (len(parts) - 1, 0)
    skip = place is not None
    for part in reversed(parts[: index + 1]):
        part.stream.seek(offset)
        while (raw := part.stream.readline(_LONGEST_LINE)).endswith(b"\n"):
            if not skip:
                yield part, offset, raw[:-1]
            skip = False
            offset += len(raw)
        offset = 0


def _holds(record: LogRecord, needle: str) -> bool:
    return (
        needle in record.event.casefold()
        or needle in record.service.casefold()
        or any(
            needle in name.casefold() or needle in as_text(value).casefold() for name, value in record.fields.items()
        )
        or needle in record.exception.casefold()
    )
