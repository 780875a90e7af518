"""Owns the truth about instruments whose trades have no numbers: what came, and what time is missing."""

from collections.abc import Callable, Sequence

from alphaplus_tui.domain.continuity import Gap
from alphaplus_tui.domain.coverage import Cover, CoveredTime
from alphaplus_tui.domain.events import (
    FeedConnected,
    FeedLost,
    FeedMute,
    FeedRenewed,
    GapReached,
    InstrumentsKnown,
    TradeAccepted,
    TradeRestored,
    TradesCovered,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Channel, Provenance, Trade
from alphaplus_tui.domain.unnumbered import TimeLedger
from alphaplus_tui.kernel.bus import Bus

Told = Callable[[InstrumentId, Gap], None]


class Times:
    """Continuity by time, for ContinuityService."""

    def __init__(self, bus: Bus, *, opened: Told, changed: Told, live: bool) -> None:
        """live: False for a recording, whose only connection is its beginning."""
        self._bus, self._opened, self._changed, self._live = bus, opened, changed, live
        self._ledgers: dict[InstrumentId, TimeLedger] = {}
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(FeedConnected, self._on_connected)
        bus.on(FeedLost, self._on_lost)
        bus.on(FeedMute, lambda event: self._lost((event.instrument,)))
        bus.on(FeedRenewed, lambda event: self._connected((event.instrument,), event.ts))
        bus.on(GapReached, self._on_reached)

    def __contains__(self, instrument: InstrumentId) -> bool:
        return instrument in self._ledgers

    def take(self, trade: Trade) -> bool:
        """Tell of a trade when it is new; whether it was."""
        seen = self._ledgers[trade.instrument].see(
            trade.trade_id, trade.ts_event, backfilled=trade.provenance is Provenance.BACKFILLED
        )
        if seen is False:
            return False
        shed = isinstance(seen, Gap) and seen.shed
        self._bus.publish(TradeRestored(trade) if shed else TradeAccepted(trade))
        return True

    def stored_until(self, instrument: InstrumentId, ts: int) -> None:
        self._tell(instrument, self._ledgers[instrument].stored_until(ts))

    def reopen(self, instrument: InstrumentId, first: int, last: int, *, shed: bool = False) -> Gap | None:
        return self._ledgers[instrument].reopen(first, last, shed=shed)

    def gap(self, instrument: InstrumentId, first: int) -> Gap | None:
        return self._ledgers[instrument].gaps.get(first)

    def tell_whole(self) -> None:
        """What came live since the last time; after its trades, so that it is stored with them or later."""
        for instrument, ledger in self._ledgers.items():
            if (whole := ledger.whole()) is not None:
                self._cover(instrument, whole.first, whole.last, Cover.LIVE if self._live else Cover.REPLAYED)

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        for instrument in event.instruments:
            if not instrument.numbered:
                self._ledgers.setdefault(instrument.id, TimeLedger())

    def _on_connected(self, event: FeedConnected) -> None:
        if Channel.TRADE in event.channels:
            self._connected(event.instruments, event.ts)

    def _on_lost(self, event: FeedLost) -> None:
        if Channel.TRADE in event.channels:
            self._lost(event.instruments)

    def _connected(self, instruments: Sequence[InstrumentId], ts: int) -> None:
        for instrument in self._ledgers.keys() & set(instruments):
            self._tell(instrument, self._ledgers[instrument].connected(ts))

    def _lost(self, instruments: Sequence[InstrumentId]) -> None:
        for instrument in self._ledgers.keys() & set(instruments):
            if (whole := self._ledgers[instrument].lost()) is not None:
                self._cover(instrument, whole.first, whole.last, Cover.LIVE)

    def _on_reached(self, event: GapReached) -> None:
        ledger = self._ledgers.get(event.instrument)
        gap = ledger.reached(event.first_seq, event.start, event.through) if ledger is not None else None
        if gap is not None:
            self._cover(event.instrument, event.start, event.through, Cover.BACKFILLED)
            if not gap.missing:
                self._changed(event.instrument, gap)

    def _tell(self, instrument: InstrumentId, gap: Gap | None) -> None:
        if gap is not None:
            self._opened(instrument, gap)

    def _cover(self, instrument: InstrumentId, first: int, last: int, cover: Cover) -> None:
        self._bus.publish(TradesCovered(CoveredTime(instrument, first, last, cover)))
