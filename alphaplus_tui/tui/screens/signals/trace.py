"""One decision in full: what it promises, how probable it is, and gate by gate why it was let through or not."""

from typing import ClassVar

from alphaplus_tui.domain.analysis import Decision, Direction, Probabilities
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.names import name_of
from alphaplus_tui.tui.widgets.opinion import (
    GATES,
    clock_text,
    fate,
    left,
    mark,
    price_text,
    share,
    side,
    signed,
)
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, spread, wrap
from alphaplus_tui.tui.widgets.rails import rail

_ENGINE = {"xgboost": "xgb", "lightgbm": "lgbm", "catboost": "cat"}


class TracePanel(Panel):
    """The decision under the cursor."""

    TITLE: ClassVar[str] = "Trace"
    EXPLANATION: ClassVar[str] = (
        "One decision from its probabilities to the gates: ✓ passed, ✗ the gate that held it back, · not reached. "
        "Up, none and down are the barriers that may be touched first within the horizon; small figures are each "
        "engine's own opinion. Worth is the expected value after fees of the side it leans to."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="trace")
        self.decision: Decision | None = None
        self.signal: SignalRow | None = None
        self.preview: Probabilities | None = None
        """Of the candle that is still forming."""
        self.error = ""
        self.loading = False

    def title(self, look: Look) -> str:
        if self.decision is None:
            return "Trace"
        prediction = self.decision.prediction
        at = clock_text(prediction.open_time, look.now)
        return f"Trace · {name_of(prediction.instrument, look.state)} · {prediction.timeframe} candle of {at}"

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - the decision is enough
        if self.error:
            return Condition(Kind.ERROR, self.error)
        if self.loading:
            return Condition(Kind.LOADING, "reading the decision")
        if self.decision is None:
            return Condition(Kind.EMPTY, "no decision yet")
        who = f"{self.decision.role.value} {self.decision.prediction.model}"
        return Condition(Kind.LIVE, f"as of history · {who}" if self.decision.as_of else who)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        decision = self.decision
        assert decision is not None
        gap: list[list[Piece]] = [[]] if height >= 17 else []
        rows = [self._verdict(decision, look, width), *self._held(decision, look, width)]
        rows += [*self._terms(decision, look, width), *gap, *self._chances(decision, look, width)]
        if self.preview is not None and height >= 15:
            up, none, down = (share(value) for value in (self.preview.up, self.preview.none, self.preview.down))
            words = f" forming so far   up {up}   none {none}   down {down}"
            rows.append([(fmt.fit(words, width), look.inks.faint)])
        rows += gap
        return rows + self._gates(decision, look, width, tall=height - len(rows) >= len(GATES))

    def _verdict(self, decision: Decision, look: Look, width: int) -> list[Piece]:
        inks = look.inks
        words, ink = side(decision.direction, look)
        line: list[Piece] = [(f" {words}", ink + inks.strong if decision.direction is Direction.FLAT else ink)]
        if decision.gate and decision.lean is not Direction.FLAT:
            line.append((f"  leans {mark(decision.lean, look)} {decision.lean.value}", inks.dim))
        worth = decision.expected_value_bps
        right: list[Piece] = [
            ("worth ", inks.dim),
            (signed(worth), inks.direction(worth)),
            (" bps after fees ", inks.dim),
        ]
        if self.signal is not None:
            text, fate_ink = fate(self.signal, look)
            line.append((f"  {' '.join(text.split())}", fate_ink))
        return spread(line, right, width)

    def _terms(self, decision: Decision, look: Look, width: int) -> list[list[Piece]]:
        inks, prediction = look.inks, decision.prediction

        def price(value: float | None) -> str:
            return price_text(value, prediction.instrument, look)

        def away(value: float | None) -> str:
            return (
                "" if value is None or not prediction.entry else f" {fmt.percent((value / prediction.entry - 1) * 100)}"
            )

        ends = clock_text(decision.expires_at, look.now)
        rows: list[list[list[Piece]]] = [
            [
                [(" target ", inks.dim), (price(decision.target), inks.up), (away(decision.target), inks.dim)],
                [("   stop ", inks.dim), (price(decision.stop), inks.down), (away(decision.stop), inks.dim)],
            ],
            [
                [(" entry  ", inks.dim), (price(prediction.entry), inks.base)],
                [("   until ", inks.dim), (ends, inks.base), (f", {left(decision.expires_at, look.now)}", inks.dim)],
            ],
            [
                [(" spread ", inks.dim), (f"{decision.spread_bps:.1f} bps", inks.base)],
                [("   engines agree ", inks.dim), (_percent(decision.agreement), inks.base)],
            ],
        ]
        return [_joined(parts, width) for parts in rows]

    def _held(self, decision: Decision, look: Look, width: int) -> list[list[Piece]]:
        """The gate that held back and why, in at most two lines."""
        if not decision.gate:
            return []
        named = clean(decision.gate)
        first, *rest = wrap(f"{named}: {decision.reason}", width - 2)[:2]
        named, told = first[: len(named)], first[len(named) :]
        rows: list[list[Piece]] = [[(f" {named}", look.inks.warning), (told, look.inks.base)]]
        return rows + [[(f" {row}", look.inks.base)] for row in rest]

    def _chances(self, decision: Decision, look: Look, width: int) -> list[list[Piece]]:
        inks, prediction = look.inks, decision.prediction
        chances = prediction.probabilities
        if chances is None:
            absent = ", ".join(prediction.absent) or "a feature"
            return [[(row, inks.warning)] for row in wrap(f" not asked: absent {absent}", width - 1)]
        opinions = list(prediction.engines)
        heads = [fmt.fit(_ENGINE.get(one.engine, one.engine), 6, right=True) for one in opinions]
        if width < 34 + 6 * len(opinions):
            opinions, heads = [], []
        room = max(6, width - 15 - 6 * len(opinions))
        rows: list[list[Piece]] = []
        if opinions:
            rows.append([(" " * (14 + room), inks.faint), ("".join(heads), inks.faint)])
        kinds = (
            (Direction.LONG, "up", chances.up, inks.up, [one.probabilities.up for one in opinions]),
            (Direction.FLAT, "none", chances.none, inks.dim, [one.probabilities.none for one in opinions]),
            (Direction.SHORT, "down", chances.down, inks.down, [one.probabilities.down for one in opinions]),
        )
        for direction, name, value, ink, each in kinds:
            figures = "".join(fmt.fit(share(one), 6, right=True) for one in each)
            rows.append(
                [
                    (f" {mark(direction, look)} ", ink),
                    (fmt.fit(name, 5), inks.base),
                    (f"{share(value)} ", inks.strong),
                    (" ", inks.dim),
                    *rail(value, room, ink, look),
                    (figures, inks.dim),
                ]
            )
        return rows

    def _gates(self, decision: Decision, look: Look, width: int, *, tall: bool) -> list[list[Piece]]:
        inks, plain = look.inks, look.symbols == "ascii"
        names = [*GATES, *(name for name in (*decision.passed, decision.gate) if name and name not in GATES)]
        cells: list[Piece] = []
        for name in names:
            if name in decision.passed:
                cells.append((f"{'v' if plain else '✓'} {name}", inks.ok))
            elif name == decision.gate:
                cells.append((f"{'x' if plain else '✗'} {name}", inks.warning))
            else:
                cells.append((f"{'.' if plain else '·'} {name}", inks.faint))
        if tall:
            return [[(" ", inks.dim), (clean(text), ink)] for text, ink in cells]
        half = -(-len(cells) // 2)
        column = max(18, min(28, width // 2))
        return [
            [(" ", inks.dim), *[(fmt.fit(text, column), ink) for text, ink in cells[at::half]]] for at in range(half)
        ]


def _joined(parts: list[list[Piece]], width: int) -> list[Piece]:
    line: list[Piece] = []
    used = 0
    for part in parts:
        length = sum(len(text) for text, _ in part)
        if used + length > width:
            break
        line += part
        used += length
    return line


def _percent(value: float | None) -> str:
    return fmt.NOTHING if value is None else f"{value:.0%}"
