"""Thin bars for shares, contributions and intervals, in half cells."""

from rich.style import Style

from alphaplus_tui.tui.desk import Look
from alphaplus_tui.tui.widgets.panel import Piece


def rail(share: float, width: int, ink: Style, look: Look) -> list[Piece]:
    """A bar of ``share`` (0..1) of ``width`` on a faint track."""
    share = min(1.0, max(0.0, share)) if share == share else 0.0  # noqa: PLR0124 - nan is no share
    halves = round(share * width * 2)
    if look.symbols == "ascii":
        return [("=" * (halves // 2), ink), ("." * (width - halves // 2), look.inks.faint)]
    filled = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    return [(filled, ink), ("─" * (width - len(filled)), look.inks.faint)]


def both_ways(share: float, width: int, look: Look) -> list[Piece]:
    """A bar from the middle: to the right in the colour of up for a positive ``share`` (−1..1), else to the left."""
    inks, half = look.inks, (width - 1) // 2
    size = min(1.0, abs(share))
    halves = max(1, round(size * half * 2)) if size > 0 else 0
    plain = look.symbols == "ascii"
    full, rest = divmod(halves, 2)
    line = ("=" if plain else "━") * full
    axis = ("|" if plain else "│", inks.faint)
    if share >= 0:
        bar = line + ("" if not rest else "-" if plain else "╸")
        return [(" " * half, inks.faint), axis, (bar, inks.up), (" " * (width - half - 1 - len(bar)), inks.faint)]
    bar = ("" if not rest else "-" if plain else "╺") + line
    return [(" " * (half - len(bar)), inks.faint), (bar, inks.down), axis, (" " * (width - half - 1), inks.faint)]


def whiskers(
    interval: tuple[float | None, float | None, float | None], reach: float, width: int, look: Look
) -> list[Piece]:
    """An interval (low, mean, high) on an axis from −reach to reach, whose middle is zero."""
    low, mean, high = interval
    inks, plain = look.inks, look.symbols == "ascii"
    middle = width // 2
    cells = [" "] * width
    cells[middle] = "|" if plain else "┊"
    if mean is None or reach <= 0:
        return [("".join(cells), inks.faint)]

    def column(value: float) -> int:
        return max(0, min(width - 1, middle + round(value / reach * (width - 1 - middle))))

    ink = inks.dim
    if low is not None and high is not None:
        first, last = column(low), column(high)
        for x in range(first, last + 1):
            cells[x] = "-" if plain else ("┼" if x == middle and first < x < last else "─")
        cells[first], cells[last] = ("[", "]") if plain else ("├", "┤")
        ink = inks.up if low > 0 else inks.down if high < 0 else inks.base
    cells[column(mean)] = "o" if plain else "●"
    return [("".join(cells), ink)]
