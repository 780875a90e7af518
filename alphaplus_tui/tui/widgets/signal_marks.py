"""Signals on the chart: where each was made, which way, and where it ended."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.style import Style

from alphaplus_tui.domain.analysis import Direction, Result
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.tui.desk import Look

_ENDS = {Result.TARGET: "✓", Result.STOP: "✗", Result.HORIZON: "◷"}
_PLAIN_ENDS = {Result.TARGET: "v", Result.STOP: "x", Result.HORIZON: "o"}


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A character at the candle of ``column``: below its low (``side`` 1), above its high (−1), at a price (0)."""

    column: int
    side: int
    price: float
    char: str
    style: Style


def chart_marks(
    signals: Iterable[SignalRow], instrument: InstrumentId, slots: tuple[int, int], look: Look
) -> tuple[ChartMark, ...]:
    """The marks of an instrument's signals; an end in the same column as the beginning is left out.

    slots: opening time of column 0, and how long a column is.
    """
    (first, slot_ns), inks, plain = slots, look.inks, look.symbols == "ascii"
    marks: list[ChartMark] = []
    for row in signals:
        signal, outcome = row.signal, row.outcome
        if signal.instrument != instrument:
            continue
        long = signal.direction is Direction.LONG
        made = (signal.made_at - first) // slot_ns
        style = inks.accent
        if outcome is not None:
            style = inks.direction(outcome.result_bps)
            ended = (outcome.resolved_at - first) // slot_ns
            if ended != made:
                char = (_PLAIN_ENDS if plain else _ENDS)[outcome.result]
                marks.append(ChartMark(ended, 0, outcome.exit_price, char, style))
        char = ("A" if long else "V") if plain else ("▲" if long else "▼")
        marks.append(ChartMark(made, 1 if long else -1, signal.entry, char, style))
    return tuple(marks)
