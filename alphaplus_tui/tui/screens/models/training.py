"""The training that runs, or how the last one ended."""

from typing import ClassVar

from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, spread, wrap
from alphaplus_tui.tui.widgets.rails import rail

_LEAST_SHARE = 0.05
"""From this share on the rest of the time can be told."""


class TrainingPanel(Panel):
    """A bar, the step, the time."""

    TITLE: ClassVar[str] = "Training"
    EXPLANATION: ClassVar[str] = (
        "A training runs in a process of its own with a memory limit; the market goes on meanwhile. t starts one on "
        "stored history, x cancels it. It ends as a candidate, which becomes champion only when it is better than "
        "the champion with 95 % confidence on candles that neither was trained on, or when you promote it."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="training")

    def condition(self, look: Look) -> Condition:
        row = look.state.training.get(ONLY)
        if row is None or row.state == "idle":
            reason = row.reason if row is not None else ""
            return Condition(Kind.EMPTY, reason or "no training runs", "t trains a model on stored history")
        if row.state == "running":
            return Condition(Kind.LIVE, f"{row.id} · x cancels")
        return Condition(Kind.LIVE, f"{row.id} · {row.state}")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:  # noqa: ARG002 - cut by the panel
        row, inks = look.state.training[ONLY], look.inks
        if row.state == "running":
            taken = max(0.0, (look.now - row.started_at) / 1e9)
            right = f"{fmt.duration(taken)} so far"
            if row.share >= _LEAST_SHARE:
                right += f", about {fmt.duration(taken / row.share * (1 - row.share))} to go"
            bar: list[Piece] = [(" ", inks.dim), *rail(row.share, max(4, width - 8), inks.accent, look)]
            done: list[Piece] = [*bar, (fmt.fit(f"{row.share:.0%}", 6, right=True), inks.strong)]
            step: list[Piece] = [(f" {fmt.fit(row.step, width - 2).rstrip()}", inks.base)]
            head = spread(step, [(f"{right} ", inks.dim)], width)
            return [head, done] if head != step else [step, done, [(f" {right}", inks.dim)]]
        ink = {"done": inks.ok, "failed": inks.error}.get(row.state, inks.warning)
        at = fmt.moment(row.started_at).strftime("%d %b %H:%M")
        rows: list[list[Piece]] = [spread([(f" {row.state}", ink)], [(f"begun {at} ", inks.dim)], width)]
        rows += [[(f" {part}", inks.base)] for part in wrap(row.verdict, width - 2)]
        rows += [[(f" {part}", inks.dim)] for part in wrap(row.reason, width - 2)]
        return rows
