"""A bounded window over a log of any length."""

from collections.abc import Sequence

from alphaplus_tui.session.queries import LogLine

LEVELS = ("debug", "info", "warning", "error")
MOST_LINES = 2000
PAGE = 200


class LogWindow:
    """Consecutive lines of the log that match the filters, oldest first; the far end is let go when it grows."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.index: dict[str, int] = {}
        self.more_before = True
        """There may be older lines than the first one here."""
        self.at_end = True
        """The last line here is the newest of the log."""
        self.version = 0

    def replace(self, lines: Sequence[LogLine], *, more_before: bool, at_end: bool) -> None:
        self.lines = list(lines[-MOST_LINES:])
        self.more_before, self.at_end = more_before, at_end
        self._changed()

    def append(self, lines: Sequence[LogLine], *, more: bool) -> None:
        """Newer lines; the oldest go when there are too many."""
        fresh = [line for line in lines if line.cursor not in self.index]
        if not fresh and self.at_end == (not more):
            return
        self.lines += fresh
        self.at_end = not more
        if len(self.lines) > MOST_LINES:
            del self.lines[: len(self.lines) - MOST_LINES]
            self.more_before = True
        self._changed()

    def prepend(self, lines: Sequence[LogLine], *, more: bool) -> None:
        """Older lines; the newest go when there are too many."""
        self.lines = [line for line in lines if line.cursor not in self.index] + self.lines
        self.more_before = more
        if len(self.lines) > MOST_LINES:
            del self.lines[MOST_LINES:]
            self.at_end = False
        self._changed()

    def get(self, cursor: str) -> LogLine | None:
        at = self.index.get(cursor)
        return None if at is None else self.lines[at]

    def find(self, text: str, start: str, by: int) -> LogLine | None:
        """The nearest line that holds ``text`` after (``by`` 1) or before (−1) the one at ``start``."""
        at = self.index.get(start, -1 if by > 0 else len(self.lines))
        at += by
        while 0 <= at < len(self.lines):
            if holds(self.lines[at], text):
                return self.lines[at]
            at += by
        return None

    def _changed(self) -> None:
        self.index = {line.cursor: at for at, line in enumerate(self.lines)}
        self.version += 1


def holds(line: LogLine, text: str) -> bool:
    """Whether ``text`` stands in any part of the line; case does not matter."""
    wanted = text.casefold()
    parts = (line.event, line.service, line.exception, *(part for field in line.fields for part in field))
    return any(wanted in part.casefold() for part in parts)


def fields_text(line: LogLine) -> str:
    return "  ".join(f"{name}={value}" for name, value in line.fields)
