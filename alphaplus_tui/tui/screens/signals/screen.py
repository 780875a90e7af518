"""The Signals screen: what the models say, what the gates said to that, why, and what became of it."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.domain.analysis import Decision, Explanation
from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.session.queries import DecisionAt, DecisionsPage, Explain
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.tui.actions import SIGNALS, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.questions import Answers
from alphaplus_tui.tui.screens.signals.opinions import DecisionGrid, SignalGrid
from alphaplus_tui.tui.screens.signals.public import HeadlineGrid, ScoreGrid
from alphaplus_tui.tui.screens.signals.trace import TracePanel
from alphaplus_tui.tui.screens.signals.why import WhyPanel
from alphaplus_tui.tui.widgets.find import FindLine
from alphaplus_tui.tui.widgets.grid import LiveGrid
from alphaplus_tui.tui.widgets.opinion import GATES, PASSED
from alphaplus_tui.tui.widgets.panel import Panel
from alphaplus_tui.tui.widgets.planted import PlantedLine

PAGE = 200
_KEPT = 64

_EXPLAIN_WITHIN_S = 30.0
"""A process of its own loads the models' libraries first."""


class SignalsScreen(LiveScreen):
    """Trace and Why show the row under the cursor of whichever list was used last."""

    NAME: ClassVar[str] = SIGNALS
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SIGNALS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.decisions = DecisionGrid(desk)
        self.trace = TracePanel(desk)
        self.why = WhyPanel(desk)
        self.signals = SignalGrid(desk)
        self.scores = ScoreGrid(desk)
        self.headlines = HeadlineGrid(desk)
        self.find = FindLine("a part of the symbol; Enter keeps it, Esc shows all", id="find")
        self.planted = PlantedLine()
        self._by_signal = False
        """Whether the signals' cursor chooses, not the decisions'."""
        self._stored: Answers[Decision] = Answers(self.questions, "decision", self.tick, most=_KEPT)
        """Decisions behind older signals, by id."""
        self._explained: Answers[Explanation] = Answers(
            self.questions, "why", self.tick, most=_KEPT, within_s=_EXPLAIN_WITHIN_S
        )
        """Explanations by decision."""

    def body(self) -> Iterator[Widget]:
        yield from (self.decisions, self.trace, self.why, self.signals, self.scores, self.headlines)

    def below(self) -> Iterator[Widget]:
        yield self.planted
        yield self.find

    def pull(self, look: Look) -> None:
        self.planted.pull(look)
        wanted, self.desk.why = InstrumentId(self.desk.why), ""
        if wanted:
            self._explain_newest(wanted, look)
        self._choose(look)
        super().pull(look)

    def _explain_newest(self, instrument: InstrumentId, look: Look) -> None:
        """Go to the newest decision on an instrument and ask why."""
        if instrument not in look.state.decisions:
            self.notify(f"No decision on {symbol_of(instrument)} yet", timeout=3, markup=False)
            return
        self._leave_history()
        self.decisions.find = self.decisions.gate = ""
        self._by_signal = False
        self.decisions.order = self.decisions.keys(look)
        self.decisions.go(instrument, tell=False)
        self._choose(look)
        self.action_why()

    # What is chosen

    def _choose(self, look: Look) -> None:
        """Hand the chosen decision to Trace and Why."""
        if not self.decisions.cursor:
            self.decisions.cursor = next(iter(self.decisions.keys(look)), "")
        row = self.signals.row(look, self.signals.cursor) if self._by_signal else None
        decision = self._of_signal(row, look) if row is not None else self.decisions.chosen(look)
        trace, why = self.trace, self.why
        trace.error, trace.loading, trace.preview = "", False, None
        if isinstance(decision, str):
            trace.error, trace.loading, decision = decision, not decision, None
        trace.decision = decision
        trace.signal = row or (look.state.signals.get(decision.id) if decision is not None else None)
        if decision is not None:
            newest = look.state.decisions.get(decision.prediction.instrument)
            if newest is not None and newest.decision.id == decision.id and newest.preview is not None:
                trace.preview = newest.preview.probabilities
        why.decision = decision.id if decision is not None else ""
        found = self._explained.get(why.decision)
        why.explanation = found if isinstance(found, Explanation) else None
        why.error = found if isinstance(found, str) else ""
        why.loading = self._explained.waits_for(why.decision)
        why.moved_by = trace.signal.signal.moved_by if trace.signal is not None else ()

    def _of_signal(self, row: SignalRow, look: Look) -> Decision | str:
        """The decision of a signal; why there is none, or nothing while it is being read."""
        signal = row.signal
        newest = look.state.decisions.get(signal.instrument)
        if newest is not None and newest.decision.id == signal.id:
            return newest.decision
        stored = self._stored.get(signal.id)
        if stored is not None:
            return stored

        def read(found: Decision | None) -> Decision | str:
            return found if found is not None and found.id == signal.id else "the decision is no longer stored"

        self._stored.fetch(signal.id, DecisionAt(signal.instrument, signal.made_at), read)
        return ""

    def on_live_grid_moved(self, message: LiveGrid.Moved) -> None:
        if message.grid in {self.decisions, self.signals}:
            self._by_signal = message.grid is self.signals
            if self._by_signal:
                self._stored.forget_failure(message.key)
            self.tick()

    def on_panel_used(self, message: Panel.Used) -> None:
        self._use(message.panel)

    def show_panel(self, name: str) -> None:
        super().show_panel(name)
        self._use(next((panel for panel in self.panels.all if panel.id == name), self.decisions))

    def _use(self, panel: Panel) -> None:
        if panel in {self.decisions, self.signals}:
            self._by_signal = panel is self.signals
            self.tick()

    # Why

    def action_why(self) -> None:
        """Ask for the contributions to the chosen decision."""
        wanted = self.why.decision
        if self.panels.single:
            self.show_panel("why")
        if not wanted or isinstance(self._explained.get(wanted), Explanation):
            return
        self._explained.forget_failure(wanted)
        self._explained.fetch(wanted, Explain(wanted), lambda explained: explained)
        self.tick()

    # Earlier decisions and filters

    def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        if message.grid is self.decisions:
            if self.decisions.of and not self.decisions.error:
                self.action_why()
            else:
                chosen = self.decisions.chosen(self.desk.look())
                self._open_history(self.decisions.of or (chosen.prediction.instrument if chosen else ""))
        elif message.grid is self.signals:
            self.action_why()

    def _open_history(self, instrument: str) -> None:
        if not instrument:
            return
        grid = self.decisions
        grid.of, grid.history, grid.error = instrument, None, ""
        query = DecisionsPage(instrument=instrument, limit=PAGE, gate=grid.gate)
        self.questions.ask("history", query, self._take_history, self._no_history)
        self.tick()

    def _take_history(self, found: tuple[Decision, ...]) -> None:
        if self.decisions.of:
            self.decisions.show_history(found)
            self.tick()

    def _no_history(self, cause: str) -> None:
        self.decisions.error = cause if self.decisions.of else ""
        self.tick()

    def _leave_history(self) -> None:
        grid = self.decisions
        if grid.of:
            name, grid.of, grid.error = grid.of, "", ""
            grid.show_history(None)
            grid.go(name, tell=False)

    def action_gate(self) -> None:
        """The next gate that holds something back, then all again."""
        grid = self.decisions
        held = {row.decision.gate for row in self.desk.session.state.decisions.values()}
        order = ["", *(gate for gate in GATES if grid.of or gate in held or gate == grid.gate)]
        at = order.index(grid.gate) if grid.gate in order else 0
        self._filter(order[(at + 1) % len(order)])

    def action_only_signals(self) -> None:
        self._filter("" if self.decisions.gate == PASSED else PASSED)

    def _filter(self, gate: str) -> None:
        self.decisions.gate = gate
        if self.decisions.of:
            self._open_history(self.decisions.of)
        self.tick()

    def action_find(self) -> None:
        self.find.open()

    def on_find_line_typed(self, message: FindLine.Typed) -> None:
        self._leave_history()
        self.decisions.find = self.signals.find = message.text
        self.tick()

    def on_find_line_closed(self, message: FindLine.Closed) -> None:
        self.decisions.find = self.signals.find = message.text if message.kept else ""
        (self.signals if self._by_signal else self.decisions).focus()
        self.tick()

    async def action_chart(self) -> None:
        """Its chart on the Markets screen."""
        decision = self.trace.decision
        if decision is not None:
            self.desk.layout.symbol = InstrumentId(decision.prediction.instrument)
            await self.run_action("app.show('markets')")

    def back(self) -> bool:
        if self.find.close(kept=False):
            return True
        if self.decisions.of:
            self._leave_history()
            self.tick()
            return True
        if self.panels.away_from_home():
            self.show_panel("decisions")
            return True
        if self.decisions.gate or self.decisions.find:
            self.decisions.gate = self.decisions.find = self.signals.find = ""
            self.tick()
            return True
        return super().back()
