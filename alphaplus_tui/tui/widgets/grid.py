"""A table of live rows drawn by line: cursor, hover, scrolling and sorting without a widget per cell."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.style import Style
from textual import events
from textual.message import Message

from alphaplus_tui.tui.actions import LIST, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.format import fit
from alphaplus_tui.tui.widgets.panel import Panel, Piece

R = TypeVar("R")

Cell = tuple[str, Style] | list[Piece]
"""A text that is fitted into the column, or pieces that fill it already."""


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column of a grid."""

    key: str
    title: str
    width: int
    cell: Callable[[R, Look, int], Cell]
    """Row, frame and width to what stands there."""
    right: bool = False
    rank: int = 0
    """Columns of the highest rank go first when there is no room."""
    grow: bool = False
    """Takes the room that is left over."""


class LiveGrid(Panel, Generic[R]):
    """Rows by key; the cursor stays on its key when rows move."""

    BINDINGS = bindings(LIST)

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, grid: "LiveGrid[object]", key: str) -> None:
            super().__init__()
            self.grid, self.key = grid, key

    class Opened(Message):
        """Enter, or a second click."""

        def __init__(self, grid: "LiveGrid[object]", key: str) -> None:
            super().__init__()
            self.grid, self.key = grid, key

    class HeadPressed(Message):
        """A click on the title of a column."""

        def __init__(self, grid: "LiveGrid[object]", column: str) -> None:
            super().__init__()
            self.grid, self.column = grid, column

    def __init__(self, desk: Desk, columns: Sequence[Column[R]], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(desk, id=id)
        self.columns = tuple(columns)
        self.cursor = ""
        self.top = 0
        self.hover = -1
        self.order: Sequence[str] = ()
        self._cache: dict[str, tuple[R, Hashable, list[Piece]]] = {}
        self._fitted: tuple[int, tuple[tuple[Column[R], int], ...]] = (-1, ())

    # What a grid of something gives

    def keys(self, look: Look) -> Sequence[str]:
        """The keys of all rows, in order."""
        raise NotImplementedError

    def row(self, look: Look, key: str) -> R | None:
        raise NotImplementedError

    def stamp(self, row: R, look: Look) -> Hashable:  # noqa: ARG002 - for subclasses
        """What beside the row itself changes how it is drawn: its age, a tint."""
        return None

    def head(self, column: Column[R]) -> str:
        return column.title

    # Drawing

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        self.order = self.keys(look)
        if self.order and self.cursor not in self.order:
            self.cursor = self.order[0]
        room = max(1, height - 1)
        self.top = max(0, min(self.top, len(self.order) - room))
        fitted = self._fit_columns(width - 1)
        inks = look.inks
        head = [(fit(self.head(column), w, right=column.right) + " ", inks.dim) for column, w in fitted]
        rows: list[list[Piece]] = [head]
        thumb = _thumb(self.top, room, len(self.order))
        blank = (" " * max(0, width - 1 - sum(w + 1 for _, w in fitted)), Style.null())
        for at, key in enumerate(self.order[self.top : self.top + room]):
            line = [*self._row_line(key, look, fitted), blank]
            if key == self.cursor:
                ground = inks.on_cursor if self.has_focus else inks.on_idle_cursor
                line = [(text, ground + style) for text, style in line]
            elif at + 1 == self.hover:
                line = [(text, inks.on_hover + style) for text, style in line]
            if thumb:
                line = [*line, ("┃" if at in thumb else " ", inks.faint)]
            rows.append(line)
        if len(self._cache) > 4 * room + 64:
            self._cache.clear()
        return rows

    def _row_line(self, key: str, look: Look, fitted: Sequence[tuple[Column[R], int]]) -> list[Piece]:
        row = self.row(look, key)
        if row is None:
            return []
        stamp = self.stamp(row, look)
        known = self._cache.get(key)
        if known is not None and known[0] is row and known[1] == stamp:
            return known[2]
        line: list[Piece] = []
        space = (" ", Style.null())
        for column, width in fitted:
            cell = column.cell(row, look, width)
            if isinstance(cell, tuple):
                line.append((fit(cell[0], width, right=column.right), cell[1]))
            else:
                line.extend(cell)
            line.append(space)
        self._cache[key] = (row, stamp, line)
        return line

    def _fit_columns(self, width: int) -> tuple[tuple[Column[R], int], ...]:
        if self._fitted[0] == width:
            return self._fitted[1]
        self._cache.clear()
        kept = list(self.columns)
        while len(kept) > 1 and sum(column.width + 1 for column in kept) > width:
            kept.remove(max(kept, key=lambda column: (column.rank, column.title)))
        spare = max(0, width - sum(column.width + 1 for column in kept))
        growing = [column for column in kept if column.grow]
        fitted = tuple(
            (column, column.width + (spare // len(growing) if column.grow and growing else 0)) for column in kept
        )
        self._fitted = (width, fitted)
        return fitted

    def forget(self) -> None:
        self._cache.clear()
        self._fitted = (-1, ())
        super().forget()

    def copy_row(self) -> str:
        line = self._cache.get(self.cursor)
        return "".join(text for text, _ in line[2]).strip() if line else ""

    # Moving

    def go(self, key: str, *, tell: bool = True) -> None:
        """Put the cursor on ``key`` and bring it into view."""
        moved = key != self.cursor
        self.cursor = key
        if key in self.order:
            at = list(self.order).index(key)
            room = max(1, self.content_size.height - 1)
            self.top = min(max(self.top, at - room + 1), at)
        self.pull(self.desk.look())
        if moved and tell:
            self.post_message(self.Moved(self, key))  # pyright: ignore[reportArgumentType] - a grid of rows is a grid

    def _step(self, by: int) -> None:
        if not self.order:
            return
        at = list(self.order).index(self.cursor) if self.cursor in self.order else 0
        self.go(self.order[max(0, min(len(self.order) - 1, at + by))])

    def action_move(self, by: int) -> None:
        self._step(by)

    def action_page(self, by: int) -> None:
        self._step(by * max(1, self.content_size.height - 2))

    def action_edge(self, by: int) -> None:
        self._step(by * len(self.order))

    def action_open(self) -> None:
        if self.cursor:
            self.post_message(self.Opened(self, self.cursor))  # pyright: ignore[reportArgumentType] - as above

    def scroll_rows(self, by: int) -> None:
        """Move the window, not the cursor."""
        room = max(1, self.content_size.height - 1)
        self.top = max(0, min(self.top + by, len(self.order) - room))
        self.pull(self.desk.look())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_rows(-3)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        offset = event.get_content_offset(self)
        self._hover(offset.y if offset else -1)

    def on_leave(self) -> None:
        self._hover(-1)

    def _hover(self, y: int) -> None:
        if y != self.hover:
            self.hover = y
            self.pull(self.desk.look())

    def on_focus(self) -> None:
        self.pull(self.desk.look())

    def on_blur(self) -> None:
        self.pull(self.desk.look())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            x = 0
            for column, width in self._fitted[1]:
                if x <= offset.x <= x + width:
                    self.post_message(self.HeadPressed(self, column.key))  # pyright: ignore[reportArgumentType] - as above
                    return
                x += width + 1
            return
        at = self.top + offset.y - 1
        if 0 <= at < len(self.order):
            key = self.order[at]
            if key == self.cursor and event.chain > 1:
                self.action_open()
            else:
                self.go(key)


def _thumb(top: int, room: int, total: int) -> range:
    """The rows of the window beside which the scroll thumb stands; none when all rows fit."""
    if total <= room:
        return range(0)
    length = max(1, room * room // total)
    start = min(room - length, round(top * (room - length) / (total - room)))
    return range(start, start + length)
