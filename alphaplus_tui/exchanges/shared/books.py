"""The order books of a connection or a stream: changes and snapshots in, books out, and who needs a snapshot."""

from collections.abc import Callable, Sequence
from typing import Protocol

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.exchanges.shared.book import Book, Change, Outcome, Rule
from alphaplus_tui.exchanges.shared.parsing import Events, Levels


class Resync(Protocol):
    """Sees to it that an instrument's book gets a snapshot."""

    def need(self, instrument: Instrument) -> None: ...

    def have(self, instrument: Instrument) -> None: ...


class NoResync:
    """For recordings: the snapshot is in there or it is not."""

    def need(self, instrument: Instrument) -> None: ...

    def have(self, instrument: Instrument) -> None: ...


class Books:
    """One book per instrument. What is returned is never crossed."""

    def __init__(self, instruments: Sequence[Instrument], rule: Rule, resync: Resync) -> None:
        self._books = {instrument.id: Book(instrument.id, rule) for instrument in instruments}
        self._resync = resync

    def of(self, instrument: InstrumentId) -> Book:
        return self._books[instrument]

    def change_of(self, instrument: Instrument) -> Callable[[Change, int, int], Events]:
        """What takes the changes of ``instrument``: a change, its time, its receipt (UTC ns)."""
        book = self._books[instrument.id]

        def change(data: Change, ts_event: int, ts_recv: int) -> Events:
            outcome = book.change(data)
            if outcome is Outcome.APPLIED:
                return (book.seen(ts_event, ts_recv),)
            if outcome is Outcome.BROKEN:
                self._resync.need(instrument)
            return ()

        return change

    def snapshot(
        self,
        instrument: Instrument,
        sequence: int,
        bids: Levels,
        asks: Levels,
        *,
        ts_event: int,
        ts_recv: int,
        said: Change | None = None,
    ) -> Events:
        """A snapshot came; its time and its receipt in UTC ns. said: for the rule's ``agrees``, where it has one."""
        book = self._books[instrument.id]
        outcome = book.snapshot(sequence, bids, asks, said)
        if outcome is Outcome.APPLIED:
            self._resync.have(instrument)
            return (book.seen(ts_event, ts_recv),)
        if outcome is Outcome.BROKEN:
            self._resync.need(instrument)
        return ()

    def lost(self, instrument: Instrument) -> None:
        """Something of ``instrument`` was missed on a connection that goes on: a snapshot is needed."""
        self._books[instrument.id].forget()
        self._resync.need(instrument)

    def found(self, instrument: Instrument) -> None:
        """What was ``lost`` is there again, without a snapshot of the book itself."""
        self._resync.have(instrument)

    def forget(self, instruments: Sequence[Instrument]) -> None:
        """The connection of ``instruments`` broke."""
        for instrument in instruments:
            self._books[instrument.id].forget()
