"""Writes what models think and what became of it: the newest decision of each instrument, and signals."""

from msgspec import structs

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.domain.events import (
    DecisionMade,
    OutcomeKnown,
    PredictionsMade,
    SignalExplained,
    SignalMade,
    SignalsRemembered,
)
from alphaplus_tui.state.slices import DecisionRow, SignalRow
from alphaplus_tui.state.store import StateStore

_SIGNALS = 500


class OpinionRows:
    """The slices ``decisions`` and ``signals``."""

    def __init__(self, state: StateStore) -> None:
        self._decisions, self._signals = state.decisions, state.signals

    def on_predictions(self, event: PredictionsMade) -> None:
        """Of a forming candle: beside the decision, until that candle's own decision comes."""
        for prediction in event.predictions:
            row = self._decisions.get(prediction.instrument)
            if not prediction.forming or event.role is not Role.CHAMPION or row is None:
                continue
            if prediction.open_time > row.decision.prediction.open_time:
                self._decisions.put(prediction.instrument, structs.replace(row, preview=prediction))

    def on_decision(self, event: DecisionMade) -> None:
        decision = event.decision
        instrument, opens = decision.prediction.instrument, decision.prediction.open_time
        row = self._decisions.get(instrument)
        if decision.role is not Role.CHAMPION or (row is not None and row.decision.prediction.open_time > opens):
            return
        preview = row.preview if row is not None else None
        if preview is not None and preview.open_time <= opens:
            preview = None
        self._decisions.put(instrument, DecisionRow(instrument, decision, preview))

    def on_signal(self, event: SignalMade) -> None:
        known = self._signals.get(event.signal.id)
        self._signals.put(event.signal.id, SignalRow(event.signal, known.outcome if known is not None else None))
        while len(self._signals) > _SIGNALS:
            oldest = min(self._signals.values(), key=lambda row: row.signal.made_at)
            self._signals.drop(oldest.signal.id)

    def on_remembered(self, event: SignalsRemembered) -> None:
        for signal, outcome in event.signals[:_SIGNALS]:
            if signal.id not in self._signals:
                self._signals.put(signal.id, SignalRow(signal, outcome))

    def on_explained(self, event: SignalExplained) -> None:
        row = self._signals.get(event.signal.id)
        if row is not None:
            self._signals.put(event.signal.id, SignalRow(event.signal, row.outcome))

    def on_outcome(self, event: OutcomeKnown) -> None:
        row = self._signals.get(event.outcome.id)
        if row is not None:
            self._signals.put(event.outcome.id, SignalRow(row.signal, event.outcome))
