"""Fetches what is missing: trades of gaps, candles of the past, candles that were not complete."""

import asyncio
from collections.abc import Sequence
from random import Random

import structlog

from alphaplus_tui.domain.events import GapChanged, GapOpened, InstrumentsKnown, TradeReceived
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.history import CandleHistory
from alphaplus_tui.services.repair import CandleRepair

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 4
_PAGE = 1000
_SETTLE_S = 0.3
"""Trades that only came out of order fill their gap by themselves within so long."""

Key = tuple[InstrumentId, int]


class BackfillService:
    """Hears GapOpened and CandleClosed; tells TradeReceived, GapChanged, HistoryLoaded, CandleClosed."""

    name = "backfill"
    after: tuple[str, ...] = ("persistence", "projection", "continuity", "candles")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        market_data: MarketData,
        reader: StoreReader,
        bus: Bus,
        timeframes: Sequence[Timeframe],
        *,
        history_candles: int,
        max_trades: int,
        live: bool,
        clock: Clock,
        market: MarketClock,
        rng: Random,
    ) -> None:
        """live: False for a recording, which has nothing but itself."""
        self._data, self._bus, self._clock, self._market = market_data, bus, clock, market
        self._max_trades, self._live = max_trades, live
        self._life: Life | None = None
        self._asker = PatientAsker(f"{market_data.exchange} REST", clock=clock, rng=rng, on_trouble=self._on_trouble)
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._known = asyncio.Event()
        self._gaps: dict[Key, GapOpened] = {}
        self._missing: dict[Key, int] = {}
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._history = CandleHistory(
            market_data, reader, bus, timeframes, candles=history_candles, asker=self._asker, clock=clock, market=market
        )
        self._repair = CandleRepair(market_data, bus, asker=self._asker, clock=clock, is_filling=self._is_filling)
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)

    async def run(self, life: Life) -> None:
        self._life = life
        self._queue = asyncio.Queue()
        for key in self._gaps:
            self._queue.put_nowait(key)
        life.ready()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(self._fill_gaps())
            if self._live:
                tasks.create_task(self._load_history())
                tasks.create_task(self._repair.run(self._instruments))

    async def _load_history(self) -> None:
        await self._known.wait()
        await self._history.load(tuple(self._instruments.values()))

    async def _fill_gaps(self) -> None:
        while True:
            key = await self._queue.get()
            gap = self._gaps.get(key)
            if gap is None:
                continue
            reason = await self._fill(gap)
            self._gaps.pop(key, None)
            missing = self._missing.pop(key, 0)
            if missing:
                log.warning("gap_stays", instrument=gap.instrument, first_seq=gap.first_seq, reason=reason)
                self._bus.publish(
                    GapChanged(gap.instrument, gap.first_seq, gap.last_seq, missing, reason, self._market.now())
                )

    async def _fill(self, gap: GapOpened) -> str:
        """Publish what the exchange has of a gap; why there is no more, should something be missing still."""
        if not self._live:
            return "not in the recording"
        await self._clock.sleep(_SETTLE_S)
        key = (gap.instrument, gap.first_seq)
        missing = self._missing.get(key, 0)
        if missing > self._max_trades:
            return f"{missing:,} trades are more than exchange.backfill_max_trades = {self._max_trades:,}"
        await self._known.wait()
        instrument = self._instruments.get(gap.instrument)
        if instrument is None:
            return "the instrument is not followed any more"
        give_way = GiveWay()
        from_seq = gap.first_seq
        while from_seq <= gap.last_seq and self._missing.get(key):
            limit = min(_PAGE, gap.last_seq - from_seq + 1)
            try:
                trades = await self._asker.ask(
                    lambda: self._data.trades(instrument, from_seq=from_seq, limit=limit)  # noqa: B023  asked at once
                )
            except FatalError as error:
                return f"the exchange refuses: {error}"
            wanted = [trade for trade in trades if from_seq <= trade.seq <= gap.last_seq]
            if not wanted:
                break
            for trade in wanted:
                self._bus.publish(TradeReceived(trade))
                await give_way()
            from_seq = wanted[-1].seq + 1
        return "the exchange does not serve them any more"

    def _is_filling(self, instrument: InstrumentId) -> bool:
        return any(gap.instrument == instrument for gap in self._gaps.values())

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)
        self._known.set()

    def _on_gap_opened(self, event: GapOpened) -> None:
        key = (event.instrument, event.first_seq)
        self._gaps[key] = event
        self._missing[key] = event.last_seq - event.first_seq + 1
        self._queue.put_nowait(key)

    def _on_gap_changed(self, event: GapChanged) -> None:
        key = (event.instrument, event.first_seq)
        if key not in self._missing:
            return
        if event.missing and not event.reason:
            self._missing[key] = event.missing
        else:
            self._missing.pop(key)
            self._gaps.pop(key, None)

    def _on_trouble(self, reason: str) -> None:
        if self._life is None:
            return
        if reason:
            self._life.degraded(reason)
        else:
            self._life.healthy()
