"""Loads the candles of the past at the start: from the database first, then from the exchange."""

import asyncio
from collections.abc import Sequence

import structlog

from alphaplus_tui.domain.events import HistoryLoaded
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.asking import PatientAsker

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 4
_DATABASE_WITHIN_S = 5.0
_TRY_EVERY_S = 0.25


class CandleHistory:
    """``load`` goes through every instrument and timeframe once; a second call finds nothing left to do."""

    def __init__(
        self,
        market_data: MarketData,
        reader: StoreReader,
        bus: Bus,
        timeframes: Sequence[Timeframe],
        *,
        candles: int,
        asker: PatientAsker,
        clock: Clock,
        market: MarketClock,
    ) -> None:
        self._data, self._reader, self._bus, self._asker = market_data, reader, bus, asker
        self._timeframes, self._candles, self._clock, self._market = tuple(timeframes), candles, clock, market
        self._loaded: set[tuple[str, Timeframe]] = set()

    async def load(self, instruments: Sequence[Instrument]) -> None:
        if not self._candles:
            return
        todo = [(i, t) for t in self._timeframes for i in instruments if (i.id, t) not in self._loaded]
        todo.reverse()
        await self._wait_for_database()

        async def worker() -> None:
            while todo:
                instrument, timeframe = todo.pop()
                await self._load(instrument, timeframe)
                self._loaded.add((instrument.id, timeframe))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(worker())

    async def _wait_for_database(self) -> None:
        """A little: it may be starting as well."""
        give_up_at = self._clock.monotonic() + _DATABASE_WITHIN_S
        while self._clock.monotonic() < give_up_at:
            try:
                await self._reader.ping()
            except TransientError:
                await self._clock.sleep(_TRY_EVERY_S)
            else:
                return

    async def _load(self, instrument: Instrument, timeframe: Timeframe) -> None:
        length = duration_ns(timeframe)
        now = self._market.now()
        since = open_time(now, timeframe) - self._candles * length
        stored = await self._stored(instrument, timeframe, since, now)
        if stored:
            self._bus.publish(HistoryLoaded(stored, stored=True))
        since = _first_needed(stored, since, length)
        limit = (now - since) // length + 1
        try:
            fetched = await self._asker.ask(lambda: self._data.candles(instrument, timeframe, since=since, limit=limit))
        except FatalError as error:
            log.warning("no_history", instrument=instrument.id, timeframe=timeframe, error=str(error))
            return
        if fetched:
            self._bus.publish(HistoryLoaded(fetched, stored=False))

    async def _stored(self, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> tuple[Candle, ...]:
        try:
            return await self._reader.candles(instrument.id, timeframe, start=start, end=end, limit=self._candles)
        except TransientError:
            return ()


def _first_needed(stored: Sequence[Candle], since: int, length: int) -> int:
    """The opening time from which on candles are missing, incomplete, or not there at all."""
    expected = since
    for candle in stored:
        if candle.open_time != expected or not candle.complete:
            break
        expected = candle.open_time + length
    return expected
