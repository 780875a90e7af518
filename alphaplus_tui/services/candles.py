"""Makes candles of the accepted trades."""

from collections.abc import Sequence

from alphaplus_tui.domain.candles import GRACE_NS, CandleBuilder, Changes
from alphaplus_tui.domain.events import (
    CandleChanged,
    CandleClosed,
    FeedLost,
    GapChanged,
    GapOpened,
    LastTradesKnown,
    NumberingRestarted,
    RecordingEnded,
    TradeAccepted,
)
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of
from alphaplus_tui.domain.market import Channel, Provenance
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life

_LOOK_EVERY_S = 0.25


class CandleService:
    """Hears TradeAccepted and what continuity says; tells CandleChanged and CandleClosed."""

    name = "candles"
    after: tuple[str, ...] = ("persistence", "projection")
    uses: tuple[str, ...] = ()

    def __init__(self, bus: Bus, timeframes: Sequence[Timeframe], *, market: MarketClock, meters: Meters) -> None:
        self._bus, self._timeframes, self._market = bus, tuple(timeframes), market
        self._closed = meters.counter("candles_closed")
        self._builders: dict[InstrumentId, CandleBuilder] = {}
        bus.on(TradeAccepted, self._on_trade)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)
        bus.on(NumberingRestarted, lambda e: self._tell(self._builder(e.instrument).renumbered(e.first_seq)))
        bus.on(LastTradesKnown, self._on_last_trades)
        bus.on(FeedLost, self._on_feed_lost)
        bus.on(CandleClosed, self._on_closed)
        bus.on(RecordingEnded, self._on_recording_ended)

    async def run(self, life: Life) -> None:
        life.ready()
        while True:
            await life.clock.sleep(_LOOK_EVERY_S)
            now = self._market.now()
            for builder in self._builders.values():
                self._tell(builder.advance(now))

    def _builder(self, instrument: InstrumentId) -> CandleBuilder:
        builder = self._builders.get(instrument)
        if builder is None:
            builder = self._builders[instrument] = CandleBuilder(instrument, self._timeframes)
        return builder

    def _on_trade(self, event: TradeAccepted) -> None:
        trade = event.trade
        builder = self._builders.get(trade.instrument) or self._builder(trade.instrument)
        self._tell(builder.add(trade))

    def _on_gap_opened(self, event: GapOpened) -> None:
        if event.shed:
            return
        builder = self._builder(event.instrument)
        if event.numbered:
            self._tell(builder.open_gap(event.first_seq, event.last_seq))
        else:
            self._tell(builder.open_stretch(event.start, event.end))

    def _on_gap_changed(self, event: GapChanged) -> None:
        builder = self._builder(event.instrument)
        if not event.missing:
            self._tell(builder.close_gap(event.first_seq))
        elif event.reason:
            self._tell(builder.give_up(event.first_seq))

    def _on_last_trades(self, event: LastTradesKnown) -> None:
        for instrument, seq, ts in event.last:
            self._tell(self._builder(instrument).stored_until(seq, ts))

    def _on_feed_lost(self, event: FeedLost) -> None:
        if Channel.TRADE in event.channels:
            for instrument in event.instruments:
                self._tell(self._builder(instrument).feed_lost())

    def _on_closed(self, event: CandleClosed) -> None:
        """The exchange's own candle came in place of an incomplete one."""
        candle = event.candle
        if candle.provenance is Provenance.BACKFILLED:
            self._builder(candle.instrument).replace(candle)

    def _on_recording_ended(self, event: RecordingEnded) -> None:
        """Nothing late will come: what ended by now is closed."""
        for instrument, builder in self._builders.items():
            if exchange_of(instrument) == event.exchange:
                self._tell(builder.advance(event.ts + GRACE_NS))

    def _tell(self, changes: Changes) -> None:
        publish = self._bus.publish
        for candle in changes.closed:
            if not candle.revision:
                self._closed.value += 1
            publish(CandleClosed(candle))
        for candle in changes.forming:
            publish(CandleChanged(candle))
