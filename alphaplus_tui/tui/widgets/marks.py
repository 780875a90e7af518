"""Small drawings in characters: sparklines, bars in eighths, lines in braille."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-~=+*#"
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def sparkline(values: Sequence[float], width: int, *, symbols: str = "block") -> str:
    """``width`` characters, each the last value of its share of ``values``; spaces where there are none."""
    if len(values) < 2 or width < 1:
        return " " * max(0, width)
    if symbols == "braille":
        return braille_sparkline(values, width)
    taken = values[-width:]
    low, high = min(taken), max(taken)
    span = high - low
    marks = _ASCII if symbols == "ascii" else BLOCKS
    drawn = "".join(marks[int((value - low) / span * 7.999)] if span > 0 else marks[3] for value in taken)
    return drawn.rjust(width)


def braille_sparkline(values: Sequence[float], width: int) -> str:
    """A line of dots, two values a character."""
    taken = values[-2 * width :]
    low, high = min(taken), max(taken)
    span = high - low
    cells = [0] * width
    first = 2 * width - len(taken)
    before: int | None = None
    for at, value in enumerate(taken, start=first):
        level = 3 - int((value - low) / span * 3.999) if span > 0 else 2
        for y in _between(before, level):
            cells[at // 2] |= _DOTS[at % 2][y]
        before = level
    return "".join(chr(0x2800 + cell) if cell else " " for cell in cells)


def _between(before: int | None, level: int) -> range:
    if before is None or abs(before - level) <= 1:
        return range(level, level + 1)
    return range(before + 1, level + 1) if before < level else range(level, before)


def bar(share: float, width: int, *, symbols: str = "block") -> str:
    """A horizontal bar of ``share`` (0..1) of ``width``, in eighths."""
    share = min(1.0, max(0.0, share))
    if symbols == "ascii":
        return ("#" * round(share * width)).ljust(width)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


def columns(values: Sequence[float], height: int, *, symbols: str = "block") -> list[str]:
    """Upright bars, one a value, as ``height`` lines from the top; the tallest fills them."""
    tallest = max(values, default=0.0)
    marks = " ####" if symbols == "ascii" else " " + BLOCKS
    steps = len(marks) - 1
    levels = [0 if value <= 0 or tallest <= 0 else max(1, round(value / tallest * height * steps)) for value in values]
    return [
        "".join(marks[max(0, min(steps, level - row * steps))] for level in levels) for row in range(height - 1, -1, -1)
    ]


class Dots:
    """A canvas of braille dots, two a column and four a row."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = 2 * width, 4 * height
        self._cells = [[0] * width for _ in range(height)]

    def dot(self, x: int, y: int) -> None:
        if 0 <= x < self.width and 0 <= y < self.height:
            self._cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))

    def cells(self) -> list[tuple[int, int, str]]:
        """Column, row and character of each cell with a dot."""
        return [(x, y, chr(0x2800 + cell)) for y, row in enumerate(self._cells) for x, cell in enumerate(row) if cell]
