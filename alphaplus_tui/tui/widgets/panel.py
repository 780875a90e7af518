"""A bordered part of a screen that draws itself by line and says how fresh it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual import on as handles
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from alphaplus_tui.domain.text import clean
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.format import fit

Piece = tuple[str, Style]
"""A run of text and its style."""


class Kind(StrEnum):
    """The five states of a panel."""

    LOADING = "loading"
    EMPTY = "empty"
    LIVE = "live"
    STALE = "stale"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Condition:
    """How a panel is: ``text`` says the age, since when (without that word), or the cause; ``advice`` what helps."""

    kind: Kind
    text: str = ""
    advice: str = ""


class Panel(Widget, can_focus=True):
    """Subclasses compute lines of pieces in ``lines``; only lines that changed are drawn again."""

    TITLE: ClassVar[str] = ""
    EXPLANATION: ClassVar[str] = ""

    class Used(Message):
        """The user touched the panel."""

        def __init__(self, panel: "Panel") -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, desk: Desk, *, id: str) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.desk = desk
        self._drawn: list[list[Piece]] = []
        self._said: tuple[str, str] = ("", "")
        self.draws = 0
        """How many lines were drawn, for tests and benches."""
        self.border_title = self.TITLE

    def pull(self, look: Look) -> None:
        """Look at the state, and draw what is not yet on the screen."""
        if not self.content_size.area:
            return
        condition = self.condition(look)
        self.say(self.title(look), condition)
        height = self.content_size.height
        if condition.kind in {Kind.LOADING, Kind.EMPTY, Kind.ERROR}:
            fresh = self._message(condition, look)
        else:
            fresh = self.lines(look, self.content_size.width, height)
        self.put(fresh[:height])

    def put(self, fresh: list[list[Piece]]) -> None:
        """Make these the lines of the panel."""
        old, self._drawn = self._drawn, fresh
        width = self.content_size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(old), len(fresh)))
            if y >= len(old) or y >= len(fresh) or old[y] != fresh[y]
        ]
        if changed:
            self.draws += len(changed)
            self.refresh(*changed)

    def title(self, look: Look) -> str:  # noqa: ARG002 - for subclasses
        return self.TITLE

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - for subclasses
        """What state the panel is in."""
        return Condition(Kind.LIVE)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:  # noqa: ARG002 - for subclasses
        """What the panel shows when it has something to show."""
        return []

    def copy_row(self) -> str:
        """The text of the row under the cursor; the panel's when it has no cursor."""
        return self.copy_panel()

    def copy_panel(self) -> str:
        """The text of the panel, as it is drawn."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._drawn)

    def say(self, title: str, condition: Condition) -> None:
        """Write title and condition into the border."""
        note = condition.text if condition.kind in {Kind.LIVE, Kind.STALE} else ""
        if condition.kind is Kind.STALE:
            note = f"stale since {note}" if len(note) + 18 <= self.size.width else f"stale {note}"
        said = (title, note)
        if said != self._said:
            self._said = said
            self.border_title = Content(clean(title))
            self.border_subtitle = Content(clean(note))
        self.set_class(condition.kind is Kind.STALE, "-stale")
        self.set_class(condition.kind is Kind.ERROR, "-error")

    def forget(self) -> None:
        """Everything must be drawn again."""
        self._drawn = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        line = self._drawn[y] if y < len(self._drawn) else ()
        base = self.desk.inks.on_surface
        segments = [Segment(text if text.isprintable() else clean(text), base + style) for text, style in line if text]
        return Strip(segments).adjust_cell_length(width, base)

    def on_resize(self) -> None:
        self._drawn = []
        self.refresh()  # else lines of a longer picture before stay below a shorter one
        self.pull(self.desk.look())

    @handles(events.Click)
    def tell_use(self) -> None:
        self.post_message(self.Used(self))

    def _message(self, condition: Condition, look: Look) -> list[list[Piece]]:
        inks = look.inks
        head = {Kind.LOADING: ("◌ ", inks.dim), Kind.EMPTY: ("○ ", inks.dim), Kind.ERROR: ("▲ ", inks.error)}
        mark, style = head[condition.kind]
        width, height = self.content_size
        rows = [(row, style) for row in wrap(mark + (condition.text or condition.kind.value), width - 2)]
        rows += [(row, inks.dim) for row in wrap(condition.advice, width - 2)]
        above = max(0, (height - len(rows)) // 2)
        blank: list[list[Piece]] = [[] for _ in range(above)]
        return blank + [[(text.center(width), ink)] for text, ink in rows]


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` characters, broken between words."""
    lines: list[str] = []
    for word in clean(text).split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word if len(word) <= width else fit(word, width))
    return lines


def on(line: Iterable[Piece], ground: Style) -> list[Piece]:
    """The pieces of ``line`` on another ground."""
    return [(text, style + ground) for text, style in line]


def spread(left: Sequence[Piece], right: Sequence[Piece], width: int) -> list[Piece]:
    """``left`` and ``right`` at the two ends of a line; the right end gives way."""
    used = sum(len(text) for text, _ in left)
    taken = sum(len(text) for text, _ in right)
    if used + taken + 1 > width:
        return [*left]
    return [*left, (" " * (width - used - taken), Style.null()), *right]
