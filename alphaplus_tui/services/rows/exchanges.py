"""Writes how each exchange is as a whole: whether it answers, and what its clock says."""

from msgspec import structs

from alphaplus_tui.domain.events import ClockMeasured, ExchangeChanged, ExchangeState, InstrumentsKnown
from alphaplus_tui.state.slices import ExchangeRow
from alphaplus_tui.state.store import StateStore


class ExchangeRows:
    """The slice ``exchanges``."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def on_changed(self, event: ExchangeChanged) -> None:
        row = self._of(event.exchange)
        since = row.since if row.state is event.state and row.since else event.ts
        self._put(structs.replace(row, state=event.state, reason=event.reason, since=since))

    def on_instruments(self, event: InstrumentsKnown) -> None:
        for exchange in {instrument.exchange for instrument in event.instruments}:
            count = sum(instrument.exchange == exchange for instrument in event.instruments)
            self._put(structs.replace(self._of(exchange), instruments=count))

    def on_clock(self, event: ClockMeasured) -> None:
        """What was measured last stands while it cannot be measured anew."""
        row = self._of(event.exchange)
        offset_ms = row.clock_offset_ms if event.offset_ns is None else event.offset_ns / 1e6
        self._put(structs.replace(row, clock_offset_ms=offset_ms))

    def _of(self, exchange: str) -> ExchangeRow:
        return self._state.exchanges.get(exchange) or ExchangeRow(exchange, ExchangeState.STARTING, "", 0, 0, None)

    def _put(self, row: ExchangeRow) -> None:
        if self._state.exchanges.get(row.exchange) != row:
            self._state.exchanges.put(row.exchange, row)
