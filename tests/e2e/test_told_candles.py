"""Candles against a real exchange process: what its stream tells spares REST, and what differs is still put right."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from alphaplus_tui.domain.events import CandleClosed, CandleDiffered
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Channel, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.exchanges.binance import BinanceMarketData
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.services.backfill import BackfillService
from alphaplus_tui.services.candles import CandleService
from alphaplus_tui.services.continuity import ContinuityService
from alphaplus_tui.services.ingestion import IngestionService
from tests.fakes.store import FakeStore
from tests.support import eventually
from tests.support_simulator import RunningSimulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("machine")]

MINUTE = Timeframe("1m")
SYMBOLS = 8
BTC, ETH = InstrumentId("demo:BTC/USDT"), InstrumentId("demo:ETH/USDT")


class Spine:
    """From the exchange to candles that were held against its own; nothing but their REST questions costs anything."""

    def __init__(self, simulator: RunningSimulator, folder: Path, channels: frozenset[Channel]) -> None:
        clock, self.market, self.meters, rng = SystemClock(), WallMarketClock(), Meters(), Random(1)
        bus, store = Bus(clock=clock), FakeStore()
        self.candles: dict[tuple[InstrumentId, int], Candle] = {}
        self.differed: list[CandleDiffered] = []
        bus.on(CandleClosed, lambda event: self._on_closed(event.candle))
        bus.on(CandleDiffered, self.differed.append)
        self.adapter = BinanceMarketData(
            "demo",
            rest_url=simulator.rest_url,
            ws_url=simulator.ws_url,
            cache_dir=folder,
            clock=clock,
            market=self.market,
            meters=self.meters,
        )
        candles = CandleService(bus, (MINUTE,), market=self.market, meters=self.meters)
        continuity = ContinuityService(store, bus, resume=False, market=self.market, meters=self.meters, rng=rng)
        backfill = BackfillService(
            self.adapter, store, bus, (MINUTE,), history_candles=0, max_trades=10_000, live=True,
            clock=clock, market=self.market, meters=self.meters, rng=rng,
            told=self.adapter.told_timeframe if Channel.CANDLE in channels else None,
        )  # fmt: skip
        ingestion = IngestionService(
            self.adapter, bus, symbols=(), channels=channels, market=self.market, meters=self.meters, rng=rng
        )
        for service, after in ((candles, ()), (continuity, ("candles",)), (backfill, ("continuity",))):
            service.after = after
        ingestion.after = ("backfill",)
        self.manager = ServiceManager((candles, continuity, backfill, ingestion), clock=clock, on_change=bus.publish)

    def _on_closed(self, candle: Candle) -> None:
        self.candles[candle.instrument, candle.open_time] = candle

    def whole(self, opens: int) -> list[Candle]:
        """Of the minute that opened then, what is complete."""
        return [candle for (_, at), candle in self.candles.items() if at == opens and candle.complete]

    def count(self, name: str) -> float:
        return self.meters.counter(name).value


async def questions(simulator: RunningSimulator) -> int:
    """How often REST was asked for candles."""
    return (await simulator.requests()).get("/api/v3/klines", 0)


@asynccontextmanager
async def running(simulator: RunningSimulator, folder: Path, channels: frozenset[Channel]) -> AsyncGenerator[Spine]:
    spine = Spine(simulator, folder, channels)
    await spine.manager.start()
    try:
        yield spine
    finally:
        await spine.manager.stop()
        await spine.adapter.close()


async def test_what_the_stream_tells_spares_rest_and_what_differs_is_put_right(tmp_path: Path) -> None:
    trades, candles = frozenset({Channel.TRADE}), frozenset({Channel.TRADE, Channel.CANDLE})
    async with (
        running_simulator(rate=80, symbols=SYMBOLS) as one,
        running_simulator(rate=80, symbols=SYMBOLS) as other,
        running(one, tmp_path, candles) as told,
        running(other, tmp_path, trades) as asking,
    ):
        await eventually(lambda: told.count("candles_closed") and asking.count("candles_closed"), within_s=75)
        # the minute in which we came in is the exchange's own: told by one stream, asked for by the other
        first = min(opens for _, opens in asking.candles)
        await eventually(lambda: len(told.whole(first)) == len(asking.whole(first)) == SYMBOLS)
        assert all(candle.provenance is Provenance.BACKFILLED for candle in told.whole(first))
        assert (await questions(one), await questions(other)) == (0, SYMBOLS)
        # the next one: BTC's trades are wrong, so that its candle is; of ETH only what is told of the candle is wrong
        for simulator in (one, other):
            await simulator.set_faults(
                {"kind": "alter", "symbols": ["BTCUSDT"]},
                {"kind": "alter", "symbols": ["ETHUSDT"], "streams": ["kline_1m"]},
            )
        second = first + duration_ns(MINUTE)
        assert open_time(told.market.now(), MINUTE) == second
        await eventually(
            lambda: told.count("candles_checked") == asking.count("candles_checked") == SYMBOLS, within_s=90
        )
        assert (await questions(one), await questions(other)) == (2, 2 * SYMBOLS)
        for spine in (told, asking):
            assert [(d.instrument, d.open_time) for d in spine.differed] == [(BTC, second)]
            assert "volume" in spine.differed[0].difference
            assert spine.candles[BTC, second].provenance is Provenance.BACKFILLED
            assert spine.candles[ETH, second].provenance is Provenance.LIVE
