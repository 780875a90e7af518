"""Writes what the user should hear of: edges only, each once."""

from alphaplus_tui.domain.events import (
    AlertChanged,
    CandleDiffered,
    DatabaseConnected,
    DatabaseLost,
    FeedConnected,
    FeedLost,
    GapChanged,
)
from alphaplus_tui.domain.instrument import symbol_of
from alphaplus_tui.domain.text import clean
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import ServiceState, ServiceStatus
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.state.store import StateStore

_KEPT = 200


class NoticeRows:
    """The slice ``notices``."""

    def __init__(self, state: StateStore, market: MarketClock) -> None:
        self._notices, self._market = state.notices, market
        self._number = 0
        self._lost: set[str] = set()
        self._failed: set[str] = set()
        self._hopeless: set[tuple[str, int]] = set()
        self._differed: set[tuple[str, str]] = set()
        self._database_lost = False

    def on_alert(self, event: AlertChanged) -> None:
        if event.fresh:
            self._add(event.alert.severity, event.alert.title, event.alert.text, alert=True)

    def on_lost(self, event: FeedLost) -> None:
        if event.connection not in self._lost:
            self._lost.add(event.connection)
            self._add("warning", "Connection lost", f"{event.connection}: {event.reason}; trying again")

    def on_connected(self, event: FeedConnected) -> None:
        if event.connection in self._lost:
            self._lost.discard(event.connection)
            self._add("information", "Connected again", event.connection)

    def on_gap_changed(self, event: GapChanged) -> None:
        key = (event.instrument, event.first_seq)
        if not event.missing:
            self._hopeless.discard(key)
        elif event.reason and key not in self._hopeless:
            self._hopeless.add(key)
            text = f"{symbol_of(event.instrument)}: {_extent(event)} cannot be had: {event.reason}"
            self._add("warning", "Gap", text)

    def on_candle_differed(self, event: CandleDiffered) -> None:
        """Of each series the first; the counter has all."""
        if (event.instrument, event.timeframe) not in self._differed:
            self._differed.add((event.instrument, event.timeframe))
            text = f"{symbol_of(event.instrument)} {event.timeframe}: {event.difference}; it was put right"
            self._add("warning", "Candle corrected", text)

    def on_database_lost(self, event: DatabaseLost) -> None:
        if not self._database_lost:
            self._database_lost = True
            self._add("error", "Database away", f"{event.reason}; what comes in is kept on disk until it is back")

    def on_database_connected(self, event: DatabaseConnected) -> None:  # noqa: ARG002  a handler takes its event
        if self._database_lost:
            self._database_lost = False
            self._add("information", "Database back", "what was kept on disk is being written")

    def on_service(self, status: ServiceStatus) -> None:
        if status.state is ServiceState.FAILED:
            if status.name not in self._failed:
                self._failed.add(status.name)
                self._add("error", f"Service {status.name} failed", status.reason or "no reason given")
        elif status.state is ServiceState.RUNNING and status.name in self._failed:
            self._failed.discard(status.name)
            self._add("information", f"Service {status.name} runs again", "")

    def _add(self, severity: str, title: str, text: str, *, alert: bool = False) -> None:
        self._number += 1
        row = NoticeRow(self._number, severity, title, clean(text, limit=300), self._market.now(), alert)
        self._notices.put(self._number, row)
        self._notices.drop(self._number - _KEPT)


def _extent(event: GapChanged) -> str:
    if event.numbered:
        return f"{event.missing:,} trades"
    return f"the trades of {(event.end - event.start) / 1e9:,.0f} s"
