"""What the models think now, instrument by instrument, and the signals that came of it."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from alphaplus_tui.domain.analysis import Decision
from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.names import name_of
from alphaplus_tui.tui.widgets.opinion import (
    PASSED,
    chance,
    clock_text,
    fate,
    left,
    price_text,
    share,
    side,
    signed,
    why_not,
)
from alphaplus_tui.tui.widgets.panel import Condition, Kind


def _symbol(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return symbol_of(row.prediction.instrument), look.inks.base


def _side(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return side(row.direction, look)


def _chance(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    ink = look.inks.strong if not row.gate else look.inks.dim
    return share(chance(row.lean, row.prediction.probabilities)), ink


def _worth(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return signed(row.expected_value_bps), look.inks.direction(row.expected_value_bps)


def _because(row: Decision, look: Look, width: int) -> Cell:
    if not row.gate:
        prediction = row.prediction
        target, stop = (price_text(price, prediction.instrument, look) for price in (row.target, row.stop))
        whole = f"target {target}  stop {stop}"
        return (whole if len(whole) <= width else f"target {target}"), look.inks.base
    gate = fmt.fit(row.gate, min(width, len(row.gate)))
    rest = fmt.fit(f"  {row.reason}", width - len(gate))
    return [(gate, look.inks.warning), (rest, look.inks.dim)]


def _age(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.age(max(0, look.now - row.decided_at)), look.inks.dim


def _at(row: Decision, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return clock_text(row.prediction.open_time, look.now), look.inks.dim


DECISION_COLUMNS: tuple[Column[Decision], ...] = (
    Column("at", "Candle", 6, _at, rank=3),
    Column("symbol", "Symbol", 10, _symbol),
    Column("side", "Says", 10, _side),
    Column("chance", "P", 4, _chance, right=True, rank=1),
    Column("worth", "Worth", 6, _worth, right=True),
    Column("because", "Because", 24, _because, grow=True),
    Column("age", "Age", 4, _age, right=True, rank=2),
)


class DecisionGrid(LiveGrid[Decision]):
    """The newest decision of each instrument, or the stored ones of one of them."""

    TITLE: ClassVar[str] = "Decisions"
    EXPLANATION: ClassVar[str] = (
        "What the champion said of each instrument's last candle, and what the gates said to that: the first gate "
        "that held back stands under Because. P is the probability that the target of the side it leans to comes "
        "first; Worth is the expected value in hundredths of a percent after fees. Enter lists the earlier decisions "
        "of an instrument, v shows only those that one gate held back, s only signals, / finds, w asks why."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, DECISION_COLUMNS, id="decisions")
        self.find = ""
        self.gate = ""
        self.history: tuple[Decision, ...] | None = None
        """Stored decisions of one instrument; None: the newest of all."""
        self.of: str = ""
        """The instrument whose history is shown."""
        self.error = ""
        self._by_id: dict[str, Decision] = {}
        self._ordered: tuple[Hashable, Sequence[str]] = (None, ())

    def show_history(self, history: tuple[Decision, ...] | None) -> None:
        """Stored decisions in place of the newest ones; None: the newest again."""
        self.history = history
        self._by_id = {decision.id: decision for decision in history or ()}

    def title(self, look: Look) -> str:
        parts = [f"Decisions of {name_of(InstrumentId(self.of), look.state)}" if self.of else "Decisions"]
        if self.gate:
            parts.append("signals only" if self.gate == PASSED else f"held by {self.gate}")
        if self.find:
            parts.append(f"“{self.find}”")
        return " · ".join(parts)

    def condition(self, look: Look) -> Condition:
        if self.error:
            return Condition(Kind.ERROR, self.error, "Esc goes back, Enter tries again")
        if self.of:
            if self.history is None:
                return Condition(Kind.LOADING, "reading stored decisions")
            if not self.history:
                return Condition(Kind.EMPTY, "no stored decision matches", "v changes the gate, Esc goes back")
            return Condition(Kind.LIVE, f"{len(self.history)} stored · Esc back")
        if not look.state.decisions:
            return nothing_judged(look)
        if not self.keys(look):
            return Condition(Kind.EMPTY, "no decision matches", "v changes the gate, s shows all, / finds")
        rows = [row.decision for row in look.state.decisions.values()]
        newest = max(rows, key=lambda decision: decision.decided_at)
        passed = sum(decision.signalled for decision in rows)
        if newest.as_of:
            return Condition(Kind.LIVE, f"as of {clock_text(newest.prediction.close_time, look.now)}")
        inference = look.state.inference.get(ONLY)
        if inference is not None and not inference.running:
            return Condition(Kind.STALE, f"{fmt.time_of_day(newest.decided_at)} · {inference.reason or 'no inference'}")
        return Condition(Kind.LIVE, f"{passed} of {len(rows)} trade · {fmt.age(look.now - newest.decided_at)} ago")

    def keys(self, look: Look) -> Sequence[str]:
        if self.history is not None:
            return list(self._by_id)
        order, decisions = look.state.instruments, look.state.decisions
        stamp = (order.version, decisions.version, self.find, self.gate)
        if stamp != self._ordered[0]:
            wanted = self.find.casefold()
            matching = [
                name
                for name, row in decisions.items()
                if wanted in name_of(name, look.state).casefold() and _wanted(row.decision, self.gate)
            ]
            matching.sort(key=lambda name: order[name].position if name in order else len(order))
            self._ordered = (stamp, matching)
        return self._ordered[1]

    def row(self, look: Look, key: str) -> Decision | None:
        if self.history is not None:
            return self._by_id.get(key)
        row = look.state.decisions.get(InstrumentId(key))
        return row.decision if row else None

    def stamp(self, row: Decision, look: Look) -> Hashable:
        return fmt.age(max(0, look.now - row.decided_at))

    def chosen(self, look: Look) -> Decision | None:
        """The decision under the cursor."""
        return self.row(look, self.cursor) if self.cursor else None

    def copy_row(self) -> str:
        look = self.desk.look()
        decision = self.chosen(look)
        return decision_text(decision) if decision else ""


def _wanted(decision: Decision, gate: str) -> bool:
    return decision.signalled if gate == PASSED else gate in {"", decision.gate}


def decision_text(decision: Decision) -> str:
    """A decision in one line, for copying."""
    prediction = decision.prediction
    at = fmt.moment(prediction.open_time).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = [at, symbol_of(prediction.instrument), str(prediction.timeframe), decision.direction.value]
    if prediction.probabilities is not None:
        chances = prediction.probabilities
        words.append(f"up {chances.up:.4f} none {chances.none:.4f} down {chances.down:.4f}")
    words += [f"ev {signed(decision.expected_value_bps)} bps", why_not(decision) or "signal", prediction.model]
    return "  ".join(words)


def nothing_judged(look: Look) -> Condition:
    """Why there is no decision yet."""
    inference = look.state.inference.get(ONLY)
    if inference is None:
        return Condition(Kind.LOADING, "the models are starting")
    if not inference.running and inference.reason:
        return Condition(Kind.ERROR, inference.reason, "the Services screen shows what is wrong")
    if not inference.champion:
        return Condition(Kind.EMPTY, "no model serves yet", "on the Models screen t trains one from stored history")
    return Condition(Kind.LOADING, "waiting for a candle to close")


def _made(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return clock_text(row.signal.made_at, look.now), look.inks.dim


def _of(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return symbol_of(row.signal.instrument), look.inks.base


def _where(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return side(row.signal.direction, look)


def _probable(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return share(chance(row.signal.direction, row.signal.probabilities)), look.inks.base


def _promised(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return signed(row.signal.expected_value_bps), look.inks.base


def _entry(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return price_text(row.signal.entry, row.signal.instrument, look), look.inks.dim


def _target(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return price_text(row.signal.target, row.signal.instrument, look), look.inks.dim


def _stop(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return price_text(row.signal.stop, row.signal.instrument, look), look.inks.dim


def _ended(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return ("" if row.outcome is None else clock_text(row.outcome.resolved_at, look.now)), look.inks.dim


def _exit(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    if row.outcome is None:
        return "", look.inks.dim
    return price_text(row.outcome.exit_price, row.signal.instrument, look), look.inks.base


def _model(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return row.signal.model, look.inks.faint


def _fate(row: SignalRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fate(row, look)


SIGNAL_COLUMNS: tuple[Column[SignalRow], ...] = (
    Column("made", "Made", 6, _made),
    Column("symbol", "Symbol", 10, _of),
    Column("side", "Side", 7, _where),
    Column("chance", "P", 4, _probable, right=True, rank=2),
    Column("worth", "Worth", 6, _promised, right=True, rank=1),
    Column("entry", "Entry", 10, _entry, right=True, rank=3),
    Column("target", "Target", 10, _target, right=True, rank=4),
    Column("stop", "Stop", 10, _stop, right=True, rank=5),
    Column("fate", "Outcome", 18, _fate, grow=True),
    Column("ended", "Ended", 6, _ended, rank=6),
    Column("exit", "at", 10, _exit, right=True, rank=7),
    Column("model", "Model", 14, _model, rank=8),
)


class SignalGrid(LiveGrid[SignalRow]):
    """Signals of the last days with what became of them, newest first."""

    TITLE: ClassVar[str] = "Signals"
    EXPLANATION: ClassVar[str] = (
        "Decisions that passed every gate, newest first. ✓ the target came first, ✗ the stop did, ◷ the time ran out "
        "before either; the figure is the result in hundredths of a percent after fees and spread. Worth is what was "
        "promised. Nothing is left out: the scoreboard below counts all of them."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SIGNAL_COLUMNS, id="signals")
        self.find = ""
        self._ordered: tuple[Hashable, Sequence[str]] = (None, ())

    def title(self, look: Look) -> str:  # noqa: ARG002 - the filter is enough
        return f"Signals · “{self.find}”" if self.find else "Signals"

    def condition(self, look: Look) -> Condition:
        signals = look.state.signals
        if not signals:
            return Condition(Kind.EMPTY, "no signal yet", "the first can come when the next candle closes")
        if not self.keys(look):
            return Condition(Kind.EMPTY, f"no signal of {self.find!r}", "Esc shows all")
        waiting = sum(row.outcome is None for row in signals.values())
        return Condition(Kind.LIVE, f"{waiting} open · {len(signals)} in all")

    def keys(self, look: Look) -> Sequence[str]:
        signals = look.state.signals
        stamp = (signals.version, self.find)
        if stamp != self._ordered[0]:
            wanted = self.find.casefold()
            rows = [row.signal for row in signals.values()]
            rows = [signal for signal in rows if wanted in name_of(signal.instrument, look.state).casefold()]
            rows.sort(key=lambda signal: (-signal.made_at, signal.instrument))
            self._ordered = (stamp, [signal.id for signal in rows])
        return self._ordered[1]

    def row(self, look: Look, key: str) -> SignalRow | None:
        return look.state.signals.get(key)

    def stamp(self, row: SignalRow, look: Look) -> Hashable:
        return left(row.signal.expires_at, look.now) if row.outcome is None else None
