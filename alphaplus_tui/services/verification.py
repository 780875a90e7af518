"""Holds closed candles against the exchange's own, told by its stream or asked of REST, and puts right what differs."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

import structlog
from msgspec import structs

from alphaplus_tui.domain.events import CandleClosed, CandleDiffered
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.told_candles import ToldCandles

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_PACE_S = 0.5
"""Between two questions: with many instruments each has more candles to check when its turn comes."""
_SETTLED_NS = 5_000_000_000
"""An exchange's own candle is final so long after its end."""
_TOLD_WITHIN_NS = 15_000_000_000
"""So long after its end the exchange's own candle is waited for, where its stream tells them; then REST is asked."""
_MOST_WAITING = 1000
_TRIES = 3
_OURS = frozenset({Provenance.LIVE, Provenance.FLAT})

Key = tuple[InstrumentId, Timeframe]


class CandleVerifier:
    """Hears CandleClosed; tells CandleDiffered, and CandleClosed with the exchange's candle in place of ours.

    A candle that equals what the stream told is right, and nobody is asked. That it differs only REST can say.
    """

    def __init__(
        self,
        market_data: MarketData,
        bus: Bus,
        *,
        asker: PatientAsker,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
        told: ToldCandles,
        is_filling: Callable[[InstrumentId], bool],
    ) -> None:
        """is_filling: trades are being fetched, which may still complete or correct a candle."""
        self._data, self._bus, self._asker, self._clock, self._market = market_data, bus, asker, clock, market
        self._told, self._is_filling = told, is_filling
        self._waiting: dict[Key, dict[int, Candle]] = {}
        self._tries: dict[tuple[Key, int], int] = {}
        self._refused: set[Key] = set()
        self._checked, self._differed = meters.counter("candles_checked"), meters.counter("candles_differed")
        bus.on(CandleClosed, self._on_closed)

    async def run(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._ask(instruments))

    async def _listen(self) -> None:
        while True:
            await self._clock.sleep(_PACE_S)
            self._agree_with_told()

    async def _ask(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        while True:
            await self._clock.sleep(_PACE_S)
            key, due = self._next(instruments)
            if key is not None:
                await self._check(instruments[key[0]], key[1], due)

    def _on_closed(self, event: CandleClosed) -> None:
        candle = event.candle
        key = (candle.instrument, candle.timeframe)
        if key in self._refused:
            return
        waiting = self._waiting.setdefault(key, {})
        if candle.complete and candle.provenance in _OURS:
            waiting[candle.open_time] = candle
            if len(waiting) > _MOST_WAITING:
                del waiting[min(waiting)]
        else:
            waiting.pop(candle.open_time, None)

    def _agree_with_told(self) -> None:
        """Check off what equals the candle that the stream told."""
        for (instrument, timeframe), waiting in self._waiting.items():
            if not waiting or not self._told.covers(timeframe):
                continue
            for candle in [*waiting.values()]:
                theirs = self._told.over(instrument, timeframe, candle.open_time)
                if theirs is not None and not difference(candle, theirs):
                    self._forget(candle, waiting)
                    self._checked.add()

    def _is_due(self, candle: Candle, now: int) -> bool:
        """Whether REST must be asked: nothing is told of it, not in time, or something else."""
        if now < candle.close_time + _SETTLED_NS:
            return False
        if now >= candle.close_time + _TOLD_WITHIN_NS or not self._told.covers(candle.timeframe):
            return True
        return self._told.over(candle.instrument, candle.timeframe, candle.open_time) is not None

    def _forget(self, candle: Candle, waiting: dict[int, Candle]) -> None:
        del waiting[candle.open_time]
        self._tries.pop(((candle.instrument, candle.timeframe), candle.open_time), None)

    def _next(self, instruments: Mapping[InstrumentId, Instrument]) -> tuple[Key | None, list[Candle]]:
        """Whose turn it is; it goes to the end of the line."""
        now = self._market.now()
        for key, waiting in self._waiting.items():
            due = [candle for candle in waiting.values() if self._is_due(candle, now)]
            if due and key[0] in instruments and not self._is_filling(key[0]):
                self._waiting[key] = self._waiting.pop(key)
                return key, due
        return None, []

    async def _check(self, instrument: Instrument, timeframe: Timeframe, due: Sequence[Candle]) -> None:
        since = min(candle.open_time for candle in due)
        limit = (max(candle.open_time for candle in due) - since) // duration_ns(timeframe) + 1
        limit = min(limit, _MOST_WAITING)
        try:
            found = await self._asker.ask(lambda: self._data.candles(instrument, timeframe, since=since, limit=limit))
        except FatalError as error:
            log.warning("candles_cannot_be_checked", instrument=instrument.id, timeframe=timeframe, error=str(error))
            self._refused.add((instrument.id, timeframe))
            self._waiting.pop((instrument.id, timeframe), None)
            return
        theirs = {candle.open_time: candle for candle in found if not candle.forming}
        waiting = self._waiting[instrument.id, timeframe]
        for candle in due:
            if waiting.get(candle.open_time) is candle:  # else it was corrected meanwhile, and is checked anew
                self._compare(candle, theirs.get(candle.open_time), waiting)

    def _compare(self, ours: Candle, theirs: Candle | None, waiting: dict[int, Candle]) -> None:
        name = ((ours.instrument, ours.timeframe), ours.open_time)
        if theirs is None:
            tries = self._tries[name] = self._tries.get(name, 0) + 1
            if tries < _TRIES and ours.provenance is not Provenance.FLAT:
                return
        self._forget(ours, waiting)
        if theirs is None:
            return
        self._checked.add()
        what = difference(ours, theirs)
        if what:
            self._differed.add()
            log.warning(
                "candle_differed",
                instrument=ours.instrument,
                timeframe=ours.timeframe,
                open_time=ours.open_time,
                difference=what,
            )
            self._bus.publish(CandleDiffered(ours.instrument, ours.timeframe, ours.open_time, what, self._market.now()))
            self._bus.publish(CandleClosed(structs.replace(theirs, revision=ours.revision + 1, complete=True)))


def difference(ours: Candle, theirs: Candle) -> str:
    """What differs, in words; empty when nothing does. What the exchange does not say is not compared."""
    told: list[str] = []
    for name in ("open", "high", "low", "close", "volume", "buy_volume", "trades"):
        mine, its = getattr(ours, name), getattr(theirs, name)
        if mine is None or its is None:
            continue
        same = math.isclose(mine, its, rel_tol=1e-9, abs_tol=1e-9) if "volume" in name else mine == its
        if not same:
            told.append(f"{name.replace('_', ' ')} {mine:.12g}, the exchange says {its:.12g}")
    return "; ".join(told)
