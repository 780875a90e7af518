"""The line above a chart: its timeframes, and the candle that is looked at in numbers."""

from collections.abc import Sequence

from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.theme import Inks
from alphaplus_tui.tui.widgets.candles import Slot
from alphaplus_tui.tui.widgets.panel import Piece

Tab = tuple[int, int, Timeframe]
"""From this column on, up to this one: the timeframe that stands there."""


def timeframe_tabs(timeframes: Sequence[Timeframe], chosen: Timeframe, inks: Inks) -> tuple[list[Piece], list[Tab]]:
    line: list[Piece] = []
    tabs: list[Tab] = []
    x = 0
    for timeframe in timeframes:
        word = f" {timeframe} "
        line.append((word, inks.strong + inks.on_cursor if timeframe == chosen else inks.dim))
        tabs.append((x, x + len(word), timeframe))
        x += len(word)
    return line, tabs


def candle_numbers(slot: Slot | None, note: Piece | None, room: int, places: int, inks: Inks) -> list[Piece]:
    """As many of its numbers as there is room for, the most important ones first; then the note."""
    if slot is None:
        return [("  no candle here", inks.dim)]
    change = (slot.close / slot.open - 1) * 100 if slot.open else None
    ink = inks.direction(change)
    parts: list[list[Piece]] = [
        [("  ", inks.dim), (fmt.percent(change), ink)],
        [(" C ", inks.dim), (fmt.number(slot.close, places), ink)],
        [(" O ", inks.dim), (fmt.number(slot.open, places), inks.base)],
        [(" H ", inks.dim), (fmt.number(slot.high, places), inks.base)],
        [(" L ", inks.dim), (fmt.number(slot.low, places), inks.base)],
        [(" V ", inks.dim), (fmt.compact(slot.volume), inks.base)],
        [note] if note else [],
    ]
    line: list[Piece] = []
    for part in parts:
        room -= sum(len(text) for text, _ in part)
        if room < 0:
            break
        line += part
    return line
