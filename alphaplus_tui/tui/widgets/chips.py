"""One line of words that can be clicked: tabs, hints, timeframes."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from alphaplus_tui.tui.desk import Desk


@dataclass(frozen=True, slots=True)
class Chip:
    """A key and a word; ``name`` is what a click tells."""

    name: str
    key: str
    word: str
    active: bool = False
    far: bool = False
    """Stands at the right end."""


class ChipLine(Widget):
    """Draws chips; a click posts ``Pressed``."""

    class Pressed(Message):
        """A chip was clicked."""

        def __init__(self, line: "ChipLine", name: str) -> None:
            super().__init__()
            self.line, self.name = line, name

    def __init__(self, desk: Desk, *, id: str, on_bar: bool = False) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.desk, self.on_bar = desk, on_bar
        self.chips: Sequence[Chip] = ()
        self._spans: list[tuple[int, int, str]] = []

    def show(self, chips: Sequence[Chip]) -> None:
        if tuple(chips) != self.chips:
            self.chips = tuple(chips)
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        inks, width = self.desk.inks, self.size.width
        ground = inks.on_bar if self.on_bar else inks.on_surface
        self._spans = []
        near = [chip for chip in self.chips if not chip.far]
        far = [chip for chip in self.chips if chip.far]
        start = max(1, width - 1 - sum(_length(chip) for chip in far) - 2 * max(0, len(far) - 1))
        segments: list[Segment] = []
        x = 0
        for chips, at in ((far, start), (near, 1)) if not near else ((near, 1), (far, start)):
            if at > x:
                segments.append(Segment(" " * (at - x), ground))
                x = at
            for chip in chips:
                length = _length(chip)
                if x + length > width or (chips is near and far and x + length > start - 2):
                    break
                segments += self._draw(chip, ground)
                self._spans.append((x, x + length, chip.name))
                segments.append(Segment("  ", ground))
                x += length + 2
        return Strip(segments).adjust_cell_length(width, ground)

    def _draw(self, chip: Chip, ground: Style) -> list[Segment]:
        inks = self.desk.inks
        if chip.active:
            active = inks.strong + inks.on_cursor
            pieces = [(chip.key, inks.key + inks.on_cursor), (" " if chip.key else "", active), (chip.word, active)]
            return [
                Segment(" ", inks.on_cursor),
                *(Segment(t, s) for t, s in pieces if t),
                Segment(" ", inks.on_cursor),
            ]
        pieces = [(chip.key, ground + inks.key), (" " if chip.key else "", ground), (chip.word, ground + inks.dim)]
        return [Segment(text, style) for text, style in pieces if text]

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Pressed(self, name))
                return


def _length(chip: Chip) -> int:
    return len(chip.key) + bool(chip.key) + len(chip.word) + (2 if chip.active else 0)
