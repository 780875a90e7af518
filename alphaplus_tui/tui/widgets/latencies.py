"""Latencies as histograms over one logarithmic axis."""

import math
from typing import ClassVar

from alphaplus_tui.state.slices import LatencyRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.marks import columns
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, spread

TITLES = {
    "wire_to_state": "wire → state",
    "wire_to_commit": "wire → commit",
    "state_to_screen": "state → screen",
    "event_loop_lag": "event loop lag",
    "candle_to_decision": "candle → decision",
}
LOW_MS, HIGH_MS = 0.01, 10_000.0
_MARKS = ((0.01, "10µs"), (0.1, "100µs"), (1.0, "1ms"), (10.0, "10ms"), (100.0, "100ms"), (1000.0, "1s"))


def binned(row: LatencyRow, width: int) -> list[float]:
    """The counts of a histogram in ``width`` bins of the logarithmic axis."""
    bins = [0.0] * width
    for bound, count in row.buckets:
        share = math.log(min(max(bound, LOW_MS), HIGH_MS) / LOW_MS) / math.log(HIGH_MS / LOW_MS)
        bins[min(width - 1, int(share * width))] += count
    return bins


class LatencyPanel(Panel):
    """p50, p99 and the shape of each latency."""

    TITLE: ClassVar[str] = "Latencies"
    EXPLANATION: ClassVar[str] = (
        "How long things take, since the start. wire → state: from the first line that sees a frame until what it "
        "says is visible; wire → commit: until it is stored for good; state → screen: until it is drawn here; event "
        "loop lag: how late the program's heart beats. The axis is logarithmic; p99 is the slowest in a hundred."
    )

    def __init__(self, desk: Desk, *, id: str = "latencies") -> None:  # noqa: A002 - Textual's own name
        super().__init__(desk, id=id)

    def condition(self, look: Look) -> Condition:
        if not look.state.latencies:
            return Condition(Kind.LOADING, "nothing measured yet")
        return Condition(Kind.LIVE)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks = look.inks
        order = {name: at for at, name in enumerate(TITLES)}
        rows = sorted(look.state.latencies.values(), key=lambda row: (order.get(row.name, 9), row.name))
        tall = max(1, min(3, (height - 1) // max(1, len(rows)) - 1))
        lines: list[list[Piece]] = []
        for row in rows:
            if len(lines) + tall + 2 > height:
                break
            title = TITLES.get(row.name, row.name.replace("db_query:", "db "))
            figures: list[Piece] = [
                ("p50 ", inks.dim),
                (fmt.fit(fmt.milliseconds(row.p50), 7, right=True), inks.base),
                ("  p99 ", inks.dim),
                (fmt.fit(fmt.milliseconds(row.p99), 7, right=True), inks.strong),
                (" ", inks.dim),
            ]
            lines.append(spread([(fmt.fit(f" {title}", min(18, width)), inks.base)], figures, width))
            bars = columns(binned(row, width - 2), tall, symbols=look.symbols)
            lines += [[(" ", inks.dim), (bar, inks.accent)] for bar in bars]
        lines.append(self._axis(look, width))
        return lines

    def _axis(self, look: Look, width: int) -> list[Piece]:
        text = [" "] * width
        for value, label in _MARKS:
            at = 1 + int(math.log(value / LOW_MS) / math.log(HIGH_MS / LOW_MS) * (width - 2))
            if at + len(label) <= width and all(char == " " for char in text[max(0, at - 1) : at + len(label)]):
                text[at : at + len(label)] = label
        return [("".join(text), look.inks.faint)]

    def copy_panel(self) -> str:
        rows = self.desk.session.state.latencies.values()
        head = "name\tcount\tp50_ms\tp90_ms\tp99_ms\tlongest_ms"
        figures = (f"{r.name}\t{r.count}\t{r.p50:.4g}\t{r.p90:.4g}\t{r.p99:.4g}\t{r.longest:.4g}" for r in rows)
        return "\n".join([head, *figures])
