"""Puts the exchange's own candle, told by its stream or asked of REST, in place of one with trades missing."""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from msgspec import structs

from alphaplus_tui.domain.events import CandleClosed, HistoryLoaded
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.told_candles import ToldCandles

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0
_TOLD_WITHIN_NS = 3_000_000_000
"""So long after its end the exchange's own candle is waited for, where its stream tells them; then REST is asked."""
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
        market: MarketClock,
        told: ToldCandles,
        is_filling: Callable[[InstrumentId], bool],
    ) -> None:
        self._data, self._bus, self._asker, self._clock = market_data, bus, asker, clock
        self._market, self._told, self._is_filling = market, told, is_filling
        self._incomplete: dict[Key, dict[int, Candle]] = {}
        self._tries: dict[tuple[Key, int], int] = {}
        bus.on(CandleClosed, lambda event: self._note(event.candle))
        bus.on(HistoryLoaded, self._on_history)

    async def run(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._ask(instruments))

    async def _listen(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            for key in list(self._incomplete):
                if not self._is_filling(key[0]):
                    self._mend_with_told(key)

    async def _ask(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            for key in list(self._incomplete):
                instrument = instruments.get(key[0])
                # asked anew each time: while another one was mended, trades may have completed this one
                if instrument is None or not self._incomplete[key] or self._is_filling(key[0]):
                    continue
                if not self._is_awaited(key):
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

    def _mend_with_told(self, key: Key) -> None:
        for candle in [*self._incomplete[key].values()]:
            theirs = self._told.closed(*key, candle.open_time)
            if theirs is not None:
                self._replace(candle, theirs)

    def _is_awaited(self, key: Key) -> bool:
        """Whether the stream will soon tell what is missing."""
        newest = max(candle.close_time for candle in self._incomplete[key].values())
        return self._told.covers(key[1]) and self._market.now() < newest + _TOLD_WITHIN_NS

    def _replace(self, incomplete: Candle, theirs: Candle) -> None:
        candle = structs.replace(
            theirs, provenance=Provenance.BACKFILLED, revision=incomplete.revision + 1, complete=True
        )
        self._bus.publish(CandleClosed(candle))

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
                self._replace(incomplete, candle)
        self._give_up_on(key, since, since + limit * duration_ns(timeframe))

    def _give_up_on(self, key: Key, since: int, until: int) -> None:
        """The exchange answered several times without these."""
        for opens in [opens for opens in self._incomplete[key] if since <= opens < until]:
            tries = self._tries[key, opens] = self._tries.get((key, opens), 0) + 1
            if tries >= _TRIES:
                del self._incomplete[key][opens], self._tries[key, opens]
