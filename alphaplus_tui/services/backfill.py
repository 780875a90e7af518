"""Fetches what is missing (trades of gaps, candles of the past) and checks candles against the exchange's own."""

import asyncio
from collections.abc import Sequence
from random import Random

from alphaplus_tui.domain.events import GapGivenUp, GapOpened, InstrumentsKnown
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.catch_up import CatchUp
from alphaplus_tui.services.gaps import GapFiller
from alphaplus_tui.services.history import CandleHistory
from alphaplus_tui.services.one_exchange import OneExchange
from alphaplus_tui.services.repair import CandleRepair
from alphaplus_tui.services.time_gaps import TimeGapFiller
from alphaplus_tui.services.told_candles import ToldCandles
from alphaplus_tui.services.verification import CandleVerifier


class BackfillService:
    """Of one exchange: gaps, history, repair and verification side by side; they share one patient way to ask it."""

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
        meters: Meters,
        rng: Random,
        told: Timeframe | None = None,
        name: str = "backfill",
    ) -> None:
        """live: False for a recording, which has nothing but itself.
        told: of which timeframe the stream tells the exchange's own candles; None: it does not, or nobody listens.
        """
        self.name = name
        bus = bus if not live else OneExchange(bus, market_data.exchange)
        self._bus, self._live = bus, live
        self._life: Life | None = None
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._known = asyncio.Event()
        bus.on(InstrumentsKnown, self._on_instruments)
        if not live:
            bus.on(GapOpened, self._on_gap_of_recording)
            return
        asker = PatientAsker(f"{market_data.exchange} REST", clock=clock, rng=rng, on_trouble=self._on_trouble)
        self._gaps = GapFiller(market_data, bus, asker=asker, max_trades=max_trades, clock=clock)
        self._time_gaps = TimeGapFiller(
            market_data, bus, asker=asker, max_trades=max_trades, clock=clock, market=market
        )
        self._catch_up = CatchUp(market_data, bus, asker=asker)
        self._history = CandleHistory(
            market_data, reader, bus, timeframes, candles=history_candles, asker=asker, clock=clock, market=market
        )
        candles = ToldCandles(bus, told)
        self._verifier = CandleVerifier(
            market_data,
            bus,
            asker=asker,
            clock=clock,
            market=market,
            meters=meters,
            told=candles,
            is_filling=self._is_filling,
        )
        self._repair = CandleRepair(
            market_data, bus, asker=asker, clock=clock, market=market, told=candles, is_filling=self._is_filling
        )

    async def run(self, life: Life) -> None:
        self._life = life
        life.ready()
        if not self._live:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._catch_up.run())
            tasks.create_task(self._gaps.run())
            tasks.create_task(self._time_gaps.run())
            tasks.create_task(self._load_history())
            tasks.create_task(self._repair.run(self._instruments))
            tasks.create_task(self._verifier.run(self._instruments))

    def _is_filling(self, instrument: InstrumentId) -> bool:
        return self._gaps.is_filling(instrument) or self._time_gaps.is_filling(instrument)

    async def _load_history(self) -> None:
        await self._known.wait()
        await self._history.load(tuple(self._instruments.values()))

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)
        self._known.set()

    def _on_gap_of_recording(self, event: GapOpened) -> None:
        self._bus.publish(GapGivenUp(event.instrument, event.first_seq, "not in the recording"))

    def _on_trouble(self, reason: str) -> None:
        if self._life is None:
            return
        if reason:
            self._life.degraded(reason)
        else:
            self._life.healthy()
