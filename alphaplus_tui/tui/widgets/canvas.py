"""A rectangle of characters with styles, turned into lines of pieces."""

from rich.style import Style

from alphaplus_tui.tui.widgets.panel import Piece

_PLAIN = Style.null()


class Canvas:
    """Characters one cell wide; writing outside is ignored."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.chars = [[" "] * width for _ in range(height)]
        self.styles = [[_PLAIN] * width for _ in range(height)]

    def put(self, x: int, y: int, char: str, style: Style) -> None:
        if 0 <= x < self.width and 0 <= y < self.height:
            self.chars[y][x] = char
            self.styles[y][x] = style

    def text(self, x: int, y: int, text: str, style: Style) -> None:
        for at, char in enumerate(text, start=x):
            self.put(at, y, char, style)

    def lines(self) -> list[list[Piece]]:
        """Runs of one style joined."""
        lines: list[list[Piece]] = []
        for chars, styles in zip(self.chars, self.styles, strict=True):
            line: list[Piece] = []
            start = 0
            for at in range(1, self.width + 1):
                if at == self.width or styles[at] is not styles[start]:
                    line.append(("".join(chars[start:at]), styles[start]))
                    start = at
            lines.append(line)
        return lines
