"""Puts the exchange's own candle in place of one that closed with trades missing."""

from collections.abc import Callable, Mapping

import structlog
from msgspec import structs

from alphaplus_tui.domain.events import CandleClosed, HistoryLoaded
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0
_SPAN_LIMIT = 1000
_TRIES = 5

Key = tuple[InstrumentId, Timeframe]


class CandleRepair:
    """Waits while the missing trades themselves are being fetched: they may complete the candle."""

    def __init__(
        self,
        market_data: MarketData,
        bus: Bus,
        *,
        asker: PatientAsker,
        clock: Clock,
        is_filling: Callable[[InstrumentId], bool],
    ) -> None:
        self._data, self._bus, self._asker, self._clock = market_data, bus, asker, clock
        self._is_filling = is_filling
        self._incomplete: dict[Key, dict[int, Candle]] = {}
        self._tries: dict[tuple[Key, int], int] = {}
        bus.on(CandleClosed, lambda event: self._note(event.candle))
        bus.on(HistoryLoaded, self._on_history)

    async def run(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            for key in list(self._incomplete):
                instrument = instruments.get(key[0])
                # asked anew each time: while another one was mended, trades may have completed this one
                if instrument is not None and self._incomplete[key] and not self._is_filling(key[0]):
                    await self._mend(instrument, key[1])

    def _note(self, candle: Candle) -> None:
        candles = self._incomplete.setdefault((candle.instrument, candle.timeframe), {})
        if candle.complete:
            candles.pop(candle.open_time, None)
        else:
            candles[candle.open_time] = candle

    def _on_history(self, event: HistoryLoaded) -> None:
        for candle in event.candles:
            if not candle.forming:
                self._note(candle)

    async def _mend(self, instrument: Instrument, timeframe: Timeframe) -> None:
        key = (instrument.id, timeframe)
        since = min(self._incomplete[key])
        limit = min(_SPAN_LIMIT, (max(self._incomplete[key]) - since) // duration_ns(timeframe) + 1)
        try:
            candles = await self._asker.ask(lambda: self._data.candles(instrument, timeframe, since=since, limit=limit))
        except FatalError as error:
            log.warning("candles_stay_incomplete", instrument=instrument.id, timeframe=timeframe, error=str(error))
            self._incomplete[key].clear()
            return
        for candle in candles:
            incomplete = self._incomplete[key].get(candle.open_time)
            if incomplete is not None and not candle.forming:
                revision = incomplete.revision + 1
                self._bus.publish(CandleClosed(structs.replace(candle, revision=revision, complete=True)))
        self._give_up_on(key, since, since + limit * duration_ns(timeframe))

    def _give_up_on(self, key: Key, since: int, until: int) -> None:
        """The exchange answered several times without these."""
        for opens in [opens for opens in self._incomplete[key] if since <= opens < until]:
            tries = self._tries[key, opens] = self._tries.get((key, opens), 0) + 1
            if tries >= _TRIES:
                del self._incomplete[key][opens], self._tries[key, opens]
