"""Appends lines to the log file, puts it aside when it is full, and survives a full disk."""

import os
from contextlib import suppress
from pathlib import Path

KEPT = 5


class LogFile:
    """A file of at most ``max_bytes``, and ``KEPT`` older ones beside it as ``name.1`` (newest) to ``name.5``.

    Never raises: what cannot be written is counted in ``dropped``. Not for several threads at once.
    """

    def __init__(self, file: Path, *, max_bytes: int) -> None:
        self.file = file
        self.dropped = 0
        """Lines lost since the last one that could be written."""
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self._size = 0
        self._torn = False

    def write(self, line: bytes) -> bool:
        """Whether ``line``, which brings its own end, is in the file."""
        try:
            if self._descriptor is None:
                self._open()
            if self._size and self._size + len(line) > self._max_bytes:
                self._put_aside()
            self._append(line)
        except OSError:
            self.dropped += 1
            return False
        return True

    def close(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.file, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        self._torn = self._size > 0 and os.pread(self._descriptor, 1, self._size - 1) != b"\n"

    def _put_aside(self) -> None:
        self.close()
        for number in range(KEPT, 0, -1):
            older = sibling(self.file, number)
            newer = sibling(self.file, number - 1)
            with suppress(FileNotFoundError):
                newer.replace(older)
        self._open()

    def _append(self, line: bytes) -> None:
        assert self._descriptor is not None
        rest = memoryview(b"\n" + line if self._torn else line)
        while rest:
            written = os.write(self._descriptor, rest)
            self._size += written
            self._torn = written < len(rest)
            rest = rest[written:]


def sibling(file: Path, number: int) -> Path:
    """The file put aside as ``number``; 0 is the file itself."""
    return file.with_name(f"{file.name}.{number}") if number else file
