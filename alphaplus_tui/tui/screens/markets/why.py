"""Under the chart: what the models say of the selected symbol, and why."""

from typing import ClassVar

from alphaplus_tui.domain.analysis import Direction
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import DecisionRow, InstrumentRow, SignalRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.opinion import (
    chance,
    clock_text,
    fate,
    feature_text,
    left,
    mark,
    price_text,
    share,
    side,
    signed,
)
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece


class WhyLine(Panel):
    """The newest decision in its title, its terms and reasons below."""

    TITLE: ClassVar[str] = "Why"
    EXPLANATION: ClassVar[str] = (
        "The newest decision of the champion on the selected symbol: a signal with its target, stop and what moved it "
        "most, or no trade and the gate that held it back. w opens it on the Signals screen with every contribution."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="why")
        self.instrument: InstrumentRow | None = None

    def _row(self, look: Look) -> DecisionRow | None:
        return look.state.decisions.get(self.instrument.instrument.id) if self.instrument else None

    def title(self, look: Look) -> str:
        row = self._row(look)
        if row is None:
            return "Why"
        decision = row.decision
        words = [f"Why {side(decision.direction, look)[0]}"]
        likely = chance(decision.direction, decision.prediction.probabilities)
        if likely is not None:
            words.append(share(likely))
        if decision.direction is not Direction.FLAT:
            words.append(f"worth {signed(decision.expected_value_bps)} bps")
        return "  ".join(words)

    def condition(self, look: Look) -> Condition:
        row = self._row(look)
        if row is None:
            if look.state.decisions:
                return Condition(Kind.EMPTY, "no decision on this symbol yet")
            return Condition(Kind.EMPTY, "no model has judged yet; the Models screen (3) shows why")
        judged = row.decision.prediction
        if row.decision.as_of:
            return Condition(Kind.LIVE, f"as of {clock_text(judged.close_time, look.now)} · w why")
        return Condition(Kind.LIVE, f"candle of {clock_text(judged.open_time, look.now)} · w why")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        row = self._row(look)
        assert row is not None
        signal = look.state.signals.get(row.decision.id)
        parts = self._held(row, look) if row.decision.gate else self._terms(row, signal, look)
        return _flowed(parts, width, height)

    def _held(self, row: DecisionRow, look: Look) -> list[list[Piece]]:
        inks, decision = look.inks, row.decision
        parts: list[list[Piece]] = [[(clean(decision.gate), inks.warning), (f"  {clean(decision.reason)}", inks.base)]]
        if decision.lean is not Direction.FLAT:
            likely = share(chance(decision.lean, decision.prediction.probabilities))
            lean = f"leans {mark(decision.lean, look)} {decision.lean.value} {likely}"
            parts.append([(lean, inks.dim), (f"  worth {signed(decision.expected_value_bps)} bps", inks.dim)])
        return parts

    def _terms(self, row: DecisionRow, signal: SignalRow | None, look: Look) -> list[list[Piece]]:
        inks, decision = look.inks, row.decision
        name = decision.prediction.instrument
        parts: list[list[Piece]] = [
            [("target ", inks.dim), (price_text(decision.target, name, look), inks.up)],
            [("stop ", inks.dim), (price_text(decision.stop, name, look), inks.down)],
        ]
        if signal is None or signal.outcome is None:
            parts.append([(left(decision.expires_at, look.now), inks.base)])
        else:
            text, ink = fate(signal, look)
            parts.append([(" ".join(text.split()), ink)])
        for one in signal.signal.moved_by if signal is not None else ():
            figure = (signed(one.share, 2), inks.direction(one.share))
            parts.append([figure, (f" {feature_text(one.feature)}", inks.dim)])
        return parts


def _flowed(parts: list[list[Piece]], width: int, height: int) -> list[list[Piece]]:
    """Parts beside each other, three spaces between, in as many lines as there are."""
    lines: list[list[Piece]] = [[]]
    used = 0
    for part in parts:
        length = sum(len(text) for text, _ in part)
        if used and used + length + 3 > width:
            if len(lines) == height:
                break
            lines.append([])
            used = 0
        if used == 0 and length + 1 > width:
            text = fmt.fit(" " + "".join(text for text, _ in part), width)
            lines[-1] = [(text, part[-1][1])]
        else:
            lines[-1] += [(" " if used == 0 else "   ", part[0][1]), *part]
        used += length + (1 if used == 0 else 3)
    return lines
