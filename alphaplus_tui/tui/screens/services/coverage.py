"""The map of what is stored: a row for each symbol and kind, a column for each stretch of time."""

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.style import Style

from alphaplus_tui.domain.coverage import Cover, CoverageRow
from alphaplus_tui.domain.instrument import symbol_of
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from alphaplus_tui.session.queries import CoverageMap
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece

LONGEST_NS = DAY_NS
_WINDOWS = (10 * MINUTE_NS, HOUR_NS, 6 * HOUR_NS, LONGEST_NS)
_NAME = 13
_SOONEST_NS = 2 * SECOND_NS
_MOST_LISTED = 200

_WORST_FIRST = (Cover.GAP, Cover.BACKFILLED, Cover.IMPORTED, Cover.REPLAYED, Cover.LIVE)
_MARKS = {
    Cover.LIVE: ("█", "#"),
    Cover.BACKFILLED: ("▓", "+"),
    Cover.IMPORTED: ("▒", "="),
    Cover.REPLAYED: ("░", "-"),
    Cover.GAP: ("×", "x"),
}
_NOTHING = "·"
_NOTHING_ASCII = "."


class CoveragePanel(Panel):
    """A column says the worst that is true of its time; each kind has a sign of its own beside its colour."""

    TITLE: ClassVar[str] = "Coverage"
    EXPLANATION: ClassVar[str] = (
        "What is stored whole, by symbol and time: █ came live, ▓ was fetched later, ▒ imported, ░ replayed, × is "
        "missing, · is not known. A row is a symbol's trades, or its candles of a timeframe. Below, every gap with its "
        "time, its size and why it cannot be had; alphaplus coverage prints the same."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="coverage")
        self.rows: tuple[CoverageRow, ...] | None = None
        self.trouble = ""
        self._asked_at = 0
        self._gaps_version: int = -1

    def question(self, look: Look) -> CoverageMap | None:
        """What to ask, when the picture is out of date: a gap changed, or time went on by a column."""
        since_asked = look.now - self._asked_at
        column = self._window(look.now) // max(1, self._columns(self.content_size.width))
        changed = look.state.gaps.version != self._gaps_version and since_asked >= _SOONEST_NS
        if self._asked_at and not changed and 0 <= since_asked < max(_SOONEST_NS, column):
            return None
        self._asked_at, self._gaps_version = look.now, look.state.gaps.version
        return CoverageMap(start=look.now - LONGEST_NS)

    def take(self, rows: tuple[CoverageRow, ...]) -> None:
        self.rows, self.trouble = rows, ""
        self.pull(self.desk.look())

    def fail(self, reason: str) -> None:
        self.trouble = reason
        self.pull(self.desk.look())

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - the answer is enough
        if self.rows is None:
            if self.trouble:
                return Condition(Kind.ERROR, self.trouble)
            return Condition(Kind.LOADING, "reading the ledger")
        if not self.rows:
            return Condition(Kind.EMPTY, "nothing is stored of the last day")
        gaps = sum(row.cover is Cover.GAP for row in self.rows)
        return Condition(Kind.LIVE, f"{gaps} gaps" if gaps else "no gap")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        assert self.rows is not None
        columns = self._columns(width)
        series = [
            (key, list(rows)) for key, rows in groupby(self.rows, key=lambda row: (row.timeframe, row.instrument))
        ]
        series.sort(key=lambda one: (not _has_gap(one[1]), bool(one[0][0])))
        gaps = self._gaps(look, width)
        room = max(1, height - 1 - min(len(gaps), max(0, height // 2 - 1)))
        window = self._window(look.now)
        lines = [self._row(key, rows, look, columns, window) for key, rows in series[:room]]
        lines.append(self._axis(look, columns, window))
        return (lines + gaps)[:height]

    def _row(
        self, key: tuple[str, str], rows: Sequence[CoverageRow], look: Look, columns: int, window: int
    ) -> list[Piece]:
        timeframe, instrument = key
        name = f"{symbol_of(rows[0].instrument)} {timeframe}".strip() if instrument else timeframe
        pieces: list[Piece] = [(" " + fmt.fit(name, _NAME) + " ", look.inks.dim)]
        covers = _columns_of(rows, look.now - window, look.now, columns)
        for cover, run in groupby(covers):
            pieces.append((self._mark(cover, look) * len(list(run)), _ink(cover, look)))
        return pieces

    def _axis(self, look: Look, columns: int, window: int) -> list[Piece]:
        begins = fmt.time_of_day(look.now - window)
        return [(" " * (_NAME + 2) + fmt.fit(begins, max(0, columns - 3)) + "now", look.inks.faint)]

    def _gaps(self, look: Look, width: int) -> list[list[Piece]]:
        """Newest first."""
        gaps = sorted((row for row in self.rows or () if row.cover is Cover.GAP), key=lambda row: -row.start)
        lines: list[list[Piece]] = []
        for gap in gaps[:_MOST_LISTED]:
            what = "candle" if gap.timeframe else "trade"
            plural = "" if gap.counted and gap.missing == 1 else "s"
            size = f"{gap.missing:,} {what}{plural}" if gap.counted else f"{what}{plural}"
            name = f"{symbol_of(gap.instrument)} {gap.timeframe}".strip()
            times = f"{fmt.time_of_day(gap.start)}–{fmt.time_of_day(gap.end)}"
            words = f"{name}  {times}  {size}: {gap.reason or 'being fetched'}"
            mark = (f" {self._mark(Cover.GAP, look)} ", look.inks.error)
            lines.append([mark, (fmt.fit(words, max(0, width - 3)), look.inks.dim)])
        return lines

    def _window(self, now: int) -> int:
        """The shortest that shows all the trades there are."""
        starts = [row.start for row in self.rows or () if not row.timeframe]
        age = now - min(starts, default=now)
        return next((window for window in _WINDOWS if age <= window), LONGEST_NS)

    @staticmethod
    def _columns(width: int) -> int:
        return max(1, width - _NAME - 3)

    @staticmethod
    def _mark(cover: Cover | None, look: Look) -> str:
        plain = look.symbols == "ascii"
        if cover is None:
            return _NOTHING_ASCII if plain else _NOTHING
        return _MARKS[cover][plain]


def _columns_of(rows: Sequence[CoverageRow], start: int, end: int, columns: int) -> list[Cover | None]:
    """The worst that is true of each column; None where nothing is known."""
    found: list[Cover | None] = [None] * columns
    for cover in reversed(_WORST_FIRST):
        for row in rows:
            if row.cover is cover and row.end >= start and row.start < end:
                first = max(0, (row.start - start) * columns // (end - start))
                last = min(columns - 1, (row.end - 1 - start) * columns // (end - start))
                found[first : last + 1] = [cover] * max(0, last + 1 - first)
    return found


def _has_gap(rows: Sequence[CoverageRow]) -> bool:
    return any(row.cover is Cover.GAP for row in rows)


def _ink(cover: Cover | None, look: Look) -> Style:
    inks = look.inks
    match cover:
        case Cover.LIVE:
            return inks.ok
        case Cover.BACKFILLED:
            return inks.accent
        case Cover.IMPORTED | Cover.REPLAYED:
            return inks.primary
        case Cover.GAP:
            return inks.error
        case None:
            return inks.faint
