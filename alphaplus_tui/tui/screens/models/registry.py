"""The registry: every model, its stage, its verdict, and whether it lives up to it."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.style import Style

from alphaplus_tui.state.slices import ModelRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, spread, wrap
from alphaplus_tui.tui.widgets.rails import rail

_STAGES = {"champion": 0, "candidate": 1, "retired": 2}
DRIFTED = 0.2
"""From this population stability index on a feature has drifted."""


def gain(row: ModelRow) -> float | None:
    """Percent of the log loss of class frequencies that is gained, over the folds."""
    return row.metrics.get("pooled_gain_pct")


def promised_brier(row: ModelRow) -> float | None:
    """The Brier score that the hold-out promised."""
    return row.metrics.get("holdout_brier", row.metrics.get("pooled_brier"))


def _name(row: ModelRow, look: Look, width: int) -> Cell:
    inks, plain = look.inks, look.symbols == "ascii"
    marks = {"champion": ("*" if plain else "●", inks.ok), "challenger": ("o" if plain else "◐", inks.accent)}
    mark, ink = ("!" if plain else "▲", inks.error) if row.trouble else marks.get(row.serving, (" ", inks.dim))
    base = inks.dim if row.stage == "retired" else inks.base
    return [(f"{mark} ", ink), (fmt.fit(row.id, width - 2), base)]


def _stage(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    word = "challenger" if row.serving == "challenger" else row.stage
    ink = {"champion": look.inks.ok, "candidate": look.inks.accent}.get(row.stage, look.inks.dim)
    return word + (" pin" if row.pinned else ""), ink


def _edge(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return ("edge", look.inks.ok) if row.edge else ("none", look.inks.dim)


def _gain(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    value = gain(row)
    return (fmt.NOTHING if value is None else fmt.percent(value, 1)), look.inks.direction(value)


def _brier(row: ModelRow, look: Look, width: int) -> Cell:
    inks, promise = look.inks, promised_brier(row)
    live = fmt.NOTHING if row.live_brier is None else f"{row.live_brier:.3f}"
    told = fmt.NOTHING if promise is None else f"{promise:.3f}"
    return [(fmt.fit(live, 5, right=True), live_ink(row, look)), (fmt.fit(f" /{told}", width - 5), inks.dim)]


def live_ink(row: ModelRow, look: Look) -> Style:
    """Warns when the live score's interval lies above what was promised."""
    promise = promised_brier(row)
    if row.live_brier is None:
        return look.inks.dim
    worse = promise is not None and row.live_low is not None and row.live_low > promise
    return look.inks.warning if worse else look.inks.base


def _drift(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    if row.drift_psi is None:
        return fmt.NOTHING, look.inks.dim
    return f"{row.drift_psi:.2f}", look.inks.warning if row.drift_psi > DRIFTED else look.inks.base


def _added(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.age(max(0, look.now - row.added_at)), look.inks.dim


def _engines(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return " ".join(row.engines), look.inks.dim


def _says(row: ModelRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return (row.trouble, look.inks.error) if row.trouble else (row.verdict, look.inks.dim)


COLUMNS: tuple[Column[ModelRow], ...] = (
    Column("name", "  Model", 16, _name),
    Column("stage", "Stage", 12, _stage),
    Column("edge", "Edge", 4, _edge),
    Column("gain", "Gain", 6, _gain, right=True),
    Column("brier", "Brier / told", 12, _brier, rank=1),
    Column("drift", "PSI", 4, _drift, right=True, rank=2),
    Column("added", "Age", 4, _added, right=True, rank=3),
    Column("engines", "Engines", 25, _engines, rank=5),
    Column("says", "Verdict", 12, _says, rank=4, grow=True),
)


class Registry(LiveGrid[ModelRow]):
    """Champion first, then challenger and candidates, then the retired; newest first in each."""

    TITLE: ClassVar[str] = "Registry"
    EXPLANATION: ClassVar[str] = (
        "Every model: ● serves as champion, ◐ judges in the shadow as challenger, ▲ cannot serve. Gain is what it "
        "gained of the log loss of class frequencies over the folds; the Brier score of live decisions stands beside "
        "the one promised (lower is better); PSI is the largest drift of a feature. t trains another one, P makes the "
        "model under the cursor champion, N pins it so that nobody but you changes it, R returns to the one before."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, COLUMNS, id="registry")
        self._ordered: tuple[int, Sequence[str]] = (-1, ())

    def condition(self, look: Look) -> Condition:
        inference = look.state.inference.get(ONLY)
        if not look.state.models:
            if inference is None:
                return Condition(Kind.LOADING, "the models are starting")
            return Condition(Kind.EMPTY, "no model yet", "t trains one from stored history")
        if inference is None:
            return Condition(Kind.LIVE)
        if not inference.running:
            return Condition(Kind.LIVE, f"not serving: {inference.reason or 'the inference process is away'}")
        return Condition(Kind.LIVE, f"serving · p99 {fmt.milliseconds(inference.p99_ms)}")

    def keys(self, look: Look) -> Sequence[str]:
        models = look.state.models
        if models.version != self._ordered[0]:
            rows = sorted(
                models.values(),
                key=lambda row: (_STAGES.get(row.stage, 3), row.serving != "challenger", -row.added_at, row.id),
            )
            self._ordered = (models.version, [row.id for row in rows])
        return self._ordered[1]

    def row(self, look: Look, key: str) -> ModelRow | None:
        return look.state.models.get(key)

    def stamp(self, row: ModelRow, look: Look) -> Hashable:
        return fmt.age(max(0, look.now - row.added_at))

    def copy_row(self) -> str:
        row = self.desk.session.state.models.get(self.cursor)
        return "  ".join([row.id, row.stage, *row.engines, row.timeframe, row.verdict]) if row else ""


class LivePanel(Panel):
    """What the chosen model promised, and what it does."""

    TITLE: ClassVar[str] = "Live against promise"
    EXPLANATION: ClassVar[str] = (
        "The Brier score of the model's live decisions with its 95 % interval against what the hold-out promised; the "
        "drift of its features since training (PSI above 0.20 asks for another training); and the largest difference "
        "between rows as they were served and as they come out of stored candles later, which should be nought."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="live")
        self.model = ""

    def condition(self, look: Look) -> Condition:
        row = look.state.models.get(self.model)
        if row is None:
            return Condition(Kind.EMPTY, "no model chosen")
        return Condition(Kind.LIVE, row.id)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        row, inks = look.state.models[self.model], look.inks
        lines = [self._brier(row, look, width), self._drift(row, look, width), self._parity(row, look, width)]
        facts = [(row.trouble, inks.error), (row.verdict, inks.base), (row.reason, inks.dim)]
        lines += [[(f" {part}", ink)] for text, ink in facts for part in wrap(text, width - 2)]
        if len(lines) < height:
            added = fmt.moment(row.added_at).strftime("%d %b %Y")
            words = f" {row.timeframe} candles · {', '.join(row.engines)} · {added}"
            lines.append([(fmt.fit(words, width), inks.dim)])
        return lines

    def _brier(self, row: ModelRow, look: Look, width: int) -> list[Piece]:
        inks, promise = look.inks, promised_brier(row)
        told: list[Piece] = [(f"promised {promise:.3f} ", inks.dim)] if promise is not None else []
        if row.live_brier is None:
            return spread([(" Brier ", inks.dim), ("not scored yet", inks.dim)], told, width)
        line: list[Piece] = [(" Brier ", inks.dim), (f"{row.live_brier:.3f}", live_ink(row, look))]
        if row.live_low is not None and row.live_high is not None:
            line.append((f" [{row.live_low:.3f}, {row.live_high:.3f}]", inks.dim))
        more: list[Piece] = [(f"{row.live_rows:,} rows  ", inks.faint), *told]
        wide = sum(len(text) for text, _ in (*line, *more)) < width
        return spread(line, more if wide else told, width)

    def _drift(self, row: ModelRow, look: Look, width: int) -> list[Piece]:
        inks = look.inks
        if row.drift_psi is None:
            return [(" drift ", inks.dim), ("too few rows yet", inks.dim)]
        ink = inks.warning if row.drift_psi > DRIFTED else inks.ok
        feature = fmt.fit(f" {row.drift_feature.replace('_', ' ')}", max(0, width - 30))
        bar = rail(row.drift_psi / (2 * DRIFTED), 16, ink, look)
        return [(" drift ", inks.dim), (f"{row.drift_psi:.2f} ", ink), *bar, (feature, inks.dim)]

    def _parity(self, row: ModelRow, look: Look, width: int) -> list[Piece]:
        inks = look.inks
        if row.parity is None:
            return [(" parity ", inks.dim), ("not compared yet", inks.dim)]
        small = row.parity <= 1e-6
        words = "served rows are what stored candles give" if small else "served rows differ from stored candles"
        figure = f"{row.parity:.0e}" if row.parity else "0"
        return [
            (" parity ", inks.dim),
            (figure, inks.ok if small else inks.warning),
            (fmt.fit(f"  {words}", max(0, width - 8 - len(figure))), inks.dim),
        ]
