"""Makes rows to be written of what is published: candles, gaps, order books, changes of services."""

from msgspec import structs

from alphaplus_tui.domain.events import (
    CandleClosed,
    GapChanged,
    GapOpened,
    HistoryLoaded,
    OrderBookChanged,
    TradesCovered,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import ServiceStatus
from alphaplus_tui.ports.store import GapRecord, ServiceEvent
from alphaplus_tui.services.buffer import WriteBuffer

_BOOK_EVERY_NS = 10_000_000_000


class Intake:
    """Puts into the buffer what happens, while it is published; trades come there by themselves."""

    def __init__(self, buffer: WriteBuffer, bus: Bus, market: MarketClock) -> None:
        self._buffer, self._market = buffer, market
        self._told: dict[tuple[InstrumentId, int], GapRecord] = {}
        self._book_at: dict[InstrumentId, int] = {}
        bus.on(CandleClosed, lambda event: self._buffer.add_candle(event.candle))
        bus.on(HistoryLoaded, self._on_history)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)
        bus.on(TradesCovered, lambda event: self._buffer.covered.append(event.covered))
        bus.on(OrderBookChanged, self._on_book)
        bus.on(ServiceStatus, self._on_service)

    def _on_history(self, event: HistoryLoaded) -> None:
        if not event.stored:
            for candle in event.candles:
                if not candle.forming:
                    self._buffer.add_past(candle)

    def _on_gap_opened(self, event: GapOpened) -> None:
        missing = event.last_seq - event.first_seq + 1 if event.numbered else 1
        self._tell_gap(event, missing, "")

    def _on_gap_changed(self, event: GapChanged) -> None:
        self._tell_gap(event, event.missing, event.reason)

    def _tell_gap(self, event: GapOpened | GapChanged, missing: int, reason: str) -> None:
        """Of two words about a gap the later one stands, so each gets a later time, also when the clock stands."""
        record = GapRecord(
            event.instrument,
            event.first_seq,
            event.last_seq,
            missing,
            reason,
            event.ts,
            event.ts,
            event.start,
            event.end,
        )
        key = (record.instrument, record.first_seq)
        before = self._told.get(key)
        if before is not None and before.last_seq == record.last_seq:
            changed_at = max(record.changed_at, before.changed_at + 1_000)
            record = structs.replace(record, noticed_at=before.noticed_at, changed_at=changed_at)
        self._buffer.gaps[key] = self._told[key] = record
        if not record.missing:
            del self._told[key]

    def _on_book(self, event: OrderBookChanged) -> None:
        book = event.book
        if book.ts_event - self._book_at.get(book.instrument, 0) >= _BOOK_EVERY_NS:
            self._book_at[book.instrument] = book.ts_event
            self._buffer.books.append(book)

    def _on_service(self, status: ServiceStatus) -> None:
        self._buffer.service_events.append(
            ServiceEvent(status.name, status.state.name, status.reason or "", self._market.now())
        )
