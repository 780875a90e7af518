"""Raw frames on disk, one a line: ``<UTC ns of receipt>@<connection> <frame>``, gzipped when the name ends in .gz.

Other people's recordings do not say the connection.
"""

import asyncio
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.kernel.clock import Clock

FLUSH_EVERY_S = 0.5
_LOOKED_AT = 1_000
"""Lines in which a recording must show itself."""


class Opening(Struct, frozen=True, tag_field="alphaplus", tag="connection"):
    """What a recorded connection is for: the first line of each."""

    exchange: str
    instruments: tuple[Instrument, ...]
    channels: tuple[Channel, ...]

    def frame(self) -> bytes:
        return _ENCODER.encode(self)


_ENCODER = msgspec.json.Encoder()
_OPENING = msgspec.json.Decoder(Opening)
_BEGINS = b'{"alphaplus":"connection"'
_EXCHANGE = re.compile(r"[a-z][a-z0-9_]{1,39}")


class RecordingWriter:
    """``async with RecordingWriter(file, clock) as writer:`` and give ``writer.tap`` to an adapter.

    Frames are compressed and written in a thread, so that recording does not disturb what is recorded. The file must
    not exist yet. Each flush ends a gzip member: what was flushed can be read even after a crash.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self.frames = 0
        self._file, self._clock = file, clock
        self._lines: list[bytes] = []
        self._descriptor = -1
        self._flusher: asyncio.Task[None] | None = None

    def tap(self, received: int, frame: bytes, connection: int) -> None:
        """Keep one frame; ``received`` is UTC ns."""
        self.frames += 1
        if b"\n" in frame or b"\r" in frame:  # lawful between the tokens of JSON, but here lines are frames
            frame = frame.replace(b"\r", b" ").replace(b"\n", b" ")
        self._lines.append(b"%d@%d %b\n" % (received, connection, frame))

    async def __aenter__(self) -> Self:
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._flusher = asyncio.create_task(self._flush_often(), name="recording")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        flusher = self._flusher
        assert flusher is not None
        flusher.cancel()
        await asyncio.wait({flusher})
        try:
            await self._flush()
            if not flusher.cancelled() and (trouble := flusher.exception()) is not None:
                raise trouble
        finally:
            os.close(self._descriptor)

    async def _flush_often(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_EVERY_S)
            await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            await asyncio.to_thread(self._write, b"".join(lines))

    def _write(self, text: bytes) -> None:
        data = gzip.compress(text, 6) if self._file.suffix == ".gz" else text
        while data:
            data = data[os.write(self._descriptor, data) :]


class BrokenRecording(Exception):
    """A file that cannot be read on; its text says why."""


class DamagedLine(Exception):
    """A line that is not a recorded frame."""


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of a recording without their ends. Raises BrokenRecording where it cannot be read on."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if packed else raw as lines:
                for line in lines:
                    yield line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenRecording(f"cannot be read on: {error}") from error


def check_recording(file: Path) -> None:
    """Raises BrokenRecording where none of the first lines is a recorded frame."""
    for line in islice(read_lines(file), _LOOKED_AT):
        try:
            split_line(line)
        except DamagedLine:
            continue
        return
    raise BrokenRecording("is no recording: no line begins with the nanoseconds of its receipt and a frame")


def split_line(line: bytes) -> tuple[int, int, bytes]:
    """UTC ns of receipt, the number of the connection (0: not said), and the frame. Raises DamagedLine."""
    before, space, frame = line.partition(b" ")
    received, at, connection = before.partition(b"@")
    numbered = not at or (connection.isdigit() and len(connection) < 10)
    if not space or not received.isdigit() or not 15 <= len(received) <= 19 or not numbered:
        raise DamagedLine("a line that does not begin with the nanoseconds of its receipt")
    return int(received), int(connection or 0), frame


def opening_of(frame: bytes) -> Opening | None:
    """What a line of ours says of its connection; None for what an exchange sent. Raises DamagedLine."""
    if not frame.startswith(_BEGINS):
        return None
    try:
        opening = _OPENING.decode(frame)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DamagedLine(f"does not say what its connection is for: {clean(str(error), limit=200)}") from error
    names = (name for i in opening.instruments for name in (i.exchange, i.symbol, i.venue_symbol, i.base, i.quote))
    if not _EXCHANGE.fullmatch(opening.exchange) or any(clean(name, limit=80) != name for name in names):
        raise DamagedLine("a connection to what has no proper name")
    return opening


def recorded_exchange(files: Sequence[Path]) -> str | None:
    """Whose frames the first of ``files`` that says so holds; None where none does."""
    for file in files:
        try:
            line = next(read_lines(file), b"")
            opening = opening_of(split_line(line)[2])
        except (BrokenRecording, DamagedLine):
            continue
        if opening is not None:
            return opening.exchange
    return None
