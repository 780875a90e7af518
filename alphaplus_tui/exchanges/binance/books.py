"""The order books of a stream: changes and snapshots in, books out, and who needs a snapshot."""

from collections.abc import Callable, Sequence

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.exchanges.binance.book import Book, Outcome
from alphaplus_tui.exchanges.binance.frames import DepthData, SnapshotData
from alphaplus_tui.ports.market_data import FeedEvent

Events = tuple[FeedEvent, ...]


class Books:
    """One book per instrument; ``on_need`` is told whose snapshot is needed."""

    def __init__(self, instruments: Sequence[Instrument], on_need: Callable[[Instrument], None]) -> None:
        self._books = {instrument.id: Book(instrument.id) for instrument in instruments}
        self._on_need = on_need

    def of(self, instrument: InstrumentId) -> Book:
        return self._books[instrument]

    def change_of(self, instrument: Instrument) -> Callable[[DepthData, int, int], Events]:
        """What takes the changes of ``instrument``: a change, its time, its receipt (UTC ns)."""
        book = self._books[instrument.id]

        def change(data: DepthData, ts_event: int, ts_recv: int) -> Events:
            outcome = book.change(data)
            if outcome is Outcome.APPLIED:
                return (book.seen(ts_event, ts_recv),)
            if outcome is Outcome.BROKEN:
                self._on_need(instrument)
            return ()

        return change

    def snapshot(self, instrument: Instrument, snapshot: SnapshotData, ts_recv: int) -> Events:
        book = self._books[instrument.id]
        outcome = book.snapshot(snapshot)
        if outcome is Outcome.APPLIED:
            return (book.seen(ts_recv, ts_recv),)
        if outcome is Outcome.BROKEN:
            self._on_need(instrument)
        return ()

    def forget(self, instruments: Sequence[Instrument]) -> None:
        """The connection of ``instruments`` broke."""
        for instrument in instruments:
            self._books[instrument.id].forget()
