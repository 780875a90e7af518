"""The lines of the log, and one line in full."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.style import Style

from alphaplus_tui.domain.text import clean
from alphaplus_tui.session.queries import LogLine
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.screens.logs.pages import LogPages
from alphaplus_tui.tui.screens.logs.window import LEVELS, fields_text
from alphaplus_tui.tui.theme import Inks
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, wrap


def level_ink(level: str, inks: Inks) -> Style:
    match level:
        case "error" | "critical":
            return inks.error
        case "warning":
            return inks.warning
        case "debug":
            return inks.faint
        case _:
            return inks.dim


def marked(text: str, search: str, ink: Style, look: Look) -> list[Piece]:
    """``text`` with each occurrence of ``search`` on another ground."""
    if not search:
        return [(text, ink)]
    pieces: list[Piece] = []
    lower, wanted, at = text.casefold(), search.casefold(), 0
    if len(lower) != len(text):
        return [(text, ink)]
    while (found := lower.find(wanted, at)) >= 0:
        pieces += [(text[at:found], ink), (text[found : found + len(wanted)], look.inks.on_match)]
        at = found + len(wanted)
    return [*(piece for piece in pieces if piece[0]), (text[at:], ink)]


class LogLines(LiveGrid[LogLine]):
    """The window's lines; the cursor is on one of them."""

    TITLE: ClassVar[str] = "Log"
    EXPLANATION: ClassVar[str] = (
        "The log on disk, newest at the end. f follows the newest lines, v raises the least level that is shown, "
        "s shows only the service of this line and everything again, / searches, N goes to the match before and n to "
        "the one after, Enter shows a line in full, o goes to its service, y copies it."
    )

    def __init__(self, desk: Desk, pages: LogPages) -> None:
        columns: tuple[Column[LogLine], ...] = (
            Column("time", "Time", 8, _time),
            Column("level", "Level", 7, _level),
            Column("service", "Service", 12, self._service),
            Column("event", "Event", 20, self._event, grow=True),
        )
        super().__init__(desk, columns, id="lines")
        self.pages, self.window = pages, pages.window
        self.search = ""
        self._known: tuple[int, Sequence[str]] = (-1, ())

    def title(self, look: Look) -> str:  # noqa: ARG002 - the filters are enough
        parts = ["Log"]
        if self.pages.level != LEVELS[0]:
            parts.append(f"{self.pages.level} and worse")
        if self.pages.service:
            parts.append(self.pages.service)
        if self.search:
            parts.append(f"“{self.search}”")
        return " · ".join(parts)

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - the window is enough
        if self.pages.error:
            return Condition(Kind.ERROR, self.pages.error, "f tries again")
        if not self.pages.loaded:
            return Condition(Kind.LOADING, "reading the log")
        if not self.window.lines:
            return Condition(Kind.EMPTY, "no line matches", "v changes the level, s the service")
        here = self.window.index.get(self.cursor, 0) + 1
        place = f"{here:,}/{len(self.window.lines):,}{'+' if self.window.more_before else ''}"
        return Condition(Kind.LIVE, f"{place} · following" if self.pages.following else f"{place} · f follows")

    def keys(self, look: Look) -> Sequence[str]:  # noqa: ARG002 - the window is enough
        if self._known[0] != self.window.version:
            self._known = (self.window.version, [line.cursor for line in self.window.lines])
        return self._known[1]

    def row(self, look: Look, key: str) -> LogLine | None:  # noqa: ARG002 - the window is enough
        return self.window.get(key)

    def stamp(self, row: LogLine, look: Look) -> Hashable:  # noqa: ARG002 - lines never change
        return self.search

    def copy_row(self) -> str:
        line = self.window.get(self.cursor)
        return full_text(line) if line else ""

    def _service(self, line: LogLine, look: Look, width: int) -> Cell:
        return marked(fmt.fit(line.service, width), self.search, look.inks.accent, look)

    def _event(self, line: LogLine, look: Look, width: int) -> Cell:
        inks = look.inks
        event = clean(line.event, limit=width)
        if len(event) >= width:
            return marked(fmt.fit(event, width), self.search, inks.base, look)
        rest = fmt.fit("  " + clean(fields_text(line), limit=2 * width), width - len(event))
        ink = inks.error if line.level in {"error", "critical"} else inks.base
        return [*marked(event, self.search, ink, look), *marked(rest, self.search, inks.dim, look)]


def _time(line: LogLine, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.time_of_day(line.ts), look.inks.dim


def _level(line: LogLine, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return line.level, level_ink(line.level, look.inks)


def full_text(line: LogLine) -> str:
    """A line with its fields and its traceback, as text."""
    at = fmt.moment(line.ts).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"{at} {line.level} {line.service} {line.event} {fields_text(line)}".rstrip()
    return head + ("\n" + line.exception if line.exception else "")


class LogDetail(Panel):
    """The line under the cursor with every field."""

    TITLE: ClassVar[str] = "Line"
    EXPLANATION: ClassVar[str] = "The line under the cursor in full: each field, and the traceback where there is one."

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="detail")
        self.line: LogLine | None = None
        self.top = 0

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - the line is enough
        if self.line is None:
            return Condition(Kind.EMPTY, "no line chosen")
        return Condition(Kind.LIVE, fmt.moment(self.line.ts).strftime("%d %b %H:%M:%S.%f")[:-3])

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:  # noqa: ARG002 - cut by the panel
        line, inks = self.line, look.inks
        assert line is not None
        rows: list[list[Piece]] = [
            [(f" {clean(line.event)}", inks.strong), (f"  {line.level}", level_ink(line.level, inks))],
            [(f" {clean(line.service)}", inks.accent)],
        ]
        for name, value in line.fields:
            label = f" {clean(name)} "
            for at, part in enumerate(wrap(value, max(8, width - len(label) - 1)) or [""]):
                rows.append([(label if at == 0 else " " * len(label), inks.dim), (part, inks.base)])
        rows += [[(" " + clean(part), inks.error)] for part in line.exception.splitlines()]
        return rows

    def copy_panel(self) -> str:
        return full_text(self.line) if self.line else ""
