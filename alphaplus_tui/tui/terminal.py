"""Textual's driver of a terminal, kept alive when the terminal goes away."""

from contextlib import suppress
from typing import Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Drops what a terminal that is gone cannot take.

    Textual writes in a thread that dies of the first error; its queue then fills up and blocks the event loop for
    ever, and with it everything that has to be written and stopped.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # pyright: ignore[reportUnknownMemberType]  # Textual leaves it open
        self._file = cast("TextIO", _Patient(self._file))


class _Patient:
    """A text file whose writes never fail."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()
