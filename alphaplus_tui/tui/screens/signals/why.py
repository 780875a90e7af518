"""Why a model said what it said: the contribution of each feature, as a bar."""

from collections.abc import Sequence
from typing import ClassVar

from alphaplus_tui.domain.analysis import Contribution, Explanation
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.opinion import feature_text, signed
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece
from alphaplus_tui.tui.widgets.rails import both_ways

METHODS = {"treeshap": "TreeSHAP"}


class WhyPanel(Panel):
    """What moved the margin of UP over DOWN, the largest first."""

    TITLE: ClassVar[str] = "Why"
    EXPLANATION: ClassVar[str] = (
        "How much each feature moved the model's margin of UP over DOWN, with the value it had: to the right towards "
        "up, to the left towards down. TreeSHAP comes from the native models, and base and contributions add up to "
        "the margin; where only an ONNX file exists each feature is replaced by its median instead, and the panel "
        "says so. Computed when w asks for it, in a process of its own."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="why")
        self.decision = ""
        """The id of the decision that is explained."""
        self.explanation: Explanation | None = None
        self.moved_by: tuple[Contribution, ...] = ()
        """What a signal keeps of its explanation."""
        self.error = ""
        self.loading = False

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - what was asked is enough
        if self.error:
            return Condition(Kind.ERROR, self.error, "w asks again")
        if self.loading:
            return Condition(Kind.LOADING, "asking the models")
        if self.explanation is not None:
            return Condition(Kind.LIVE, METHODS.get(self.explanation.method, self.explanation.method))
        if self.moved_by:
            return Condition(Kind.LIVE, "what moved it most · w explains in full")
        return Condition(Kind.EMPTY, "w asks why" if self.decision else "no decision yet")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        found, inks = self.explanation, look.inks
        if found is None:
            return contribution_lines(self.moved_by, look, width, height)
        line = [
            (" margin ", inks.dim),
            (signed(found.margin, 3), inks.direction(found.margin)),
            (" = base ", inks.dim),
            (signed(found.base, 3), inks.base),
            (" + contributions ", inks.dim),
            (signed(sum(one.share for one in found.contributions), 3), inks.base),
        ]
        return [line, *contribution_lines(found.contributions, look, width, height - 1)]

    def copy_panel(self) -> str:
        parts = self.explanation.contributions if self.explanation else self.moved_by
        return "\n".join(
            ["feature\tvalue\tcontribution", *(f"{p.feature}\t{p.value:.9g}\t{p.share:.9g}" for p in parts)]
        )


def contribution_lines(parts: Sequence[Contribution], look: Look, width: int, height: int) -> list[list[Piece]]:
    """A bar for each contribution; what finds no room is added up in the last line."""
    inks = look.inks
    shown = list(parts if len(parts) <= height else parts[: max(0, height - 1)])
    largest = max((abs(one.share) for one in parts), default=0.0) or 1.0
    name_width = max(10, min(26, width - 32))
    bar = width - name_width - 19
    rows: list[list[Piece]] = [
        [
            (" " + fmt.fit(feature_text(one.feature), name_width), inks.base),
            (fmt.fit(f"{one.value:.3g}".replace("-", fmt.MINUS), 9, right=True) + " ", inks.dim),
            *both_ways(one.share / largest, max(3, bar), look),
            (fmt.fit(signed(one.share, 3), 7, right=True), inks.direction(one.share)),
        ]
        for one in shown
    ]
    rest = parts[len(shown) :]
    if rest and height > 0:
        together = signed(sum(one.share for one in rest), 3)
        text = f" {len(rest)} more, together"
        rows.append([(fmt.fit(text, max(0, width - 8)), inks.dim), (fmt.fit(together, 7, right=True), inks.dim)])
    return rows
