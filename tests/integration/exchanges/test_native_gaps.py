"""Trades that a native adapter's stream lost come back over its REST, in their order, each once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from alphaplus_tui.domain.events import GapChanged, GapGivenUp, TradeAccepted
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.backfill import BackfillService
from alphaplus_tui.services.continuity import ContinuityService
from alphaplus_tui.services.ingestion import IngestionService
from tests.fakes.coinbase_venue import FakeCoinbase
from tests.fakes.kraken_venue import FakeKraken
from tests.fakes.store import FakeStore
from tests.fakes.venue import FakeVenue, opened
from tests.integration.exchanges.listening import QUICK, a_native_adapter
from tests.support import eventually

VENUES: dict[str, type[FakeVenue]] = {"kraken": FakeKraken, "coinbase": FakeCoinbase}


class Spine:
    """From the exchange to the trades that continuity accepted."""

    def __init__(self, adapter: MarketData) -> None:
        clock, market, meters, rng = SystemClock(), WallMarketClock(), Meters(), Random(1)
        self.bus, store = Bus(clock=clock), FakeStore()
        self.accepted: dict[InstrumentId, list[int]] = {}
        self.open: dict[int, int] = {}
        """Trades missing, by the first of each gap."""
        self.given_up: list[GapGivenUp] = []
        self.bus.on(TradeAccepted, self._on_trade)
        self.bus.on(GapChanged, self._on_gap)
        self.bus.on(GapGivenUp, self.given_up.append)
        continuity = ContinuityService(store, self.bus, resume=False, market=market, meters=meters, rng=rng)
        backfill = BackfillService(
            adapter, store, self.bus, (), history_candles=0, max_trades=10_000, live=True,
            clock=clock, market=market, meters=meters, rng=rng,
        )  # fmt: skip
        ingestion = IngestionService(
            adapter, self.bus, symbols=("BTC/USD", "ETH/USD"), channels=frozenset({Channel.TRADE}), market=market,
            meters=meters, rng=rng,
        )  # fmt: skip
        continuity.after = ()
        backfill.after = ("continuity",)
        ingestion.after = ("continuity", "backfill")
        self.manager = ServiceManager((continuity, backfill, ingestion), clock=clock, on_change=self.bus.publish)

    def seqs(self, exchange: str, symbol: str) -> list[int]:
        return self.accepted.get(InstrumentId(f"{exchange}:{symbol}"), [])

    def _on_trade(self, event: TradeAccepted) -> None:
        self.accepted.setdefault(event.trade.instrument, []).append(event.trade.seq)

    def _on_gap(self, event: GapChanged) -> None:
        self.open[event.first_seq] = event.missing


@asynccontextmanager
async def running(exchange: str, folder: Path) -> AsyncGenerator[tuple[FakeVenue, Spine]]:
    async with opened(VENUES[exchange]()) as venue:
        adapter = a_native_adapter(exchange, venue.rest_url, venue.ws_url, folder, habits=QUICK)
        spine = Spine(adapter)
        await spine.manager.start()
        try:
            await eventually(venue.is_subscribed)
            yield venue, spine
        finally:
            await spine.manager.stop()
            await adapter.close()


@pytest.mark.parametrize("exchange", VENUES)
async def test_trades_that_the_stream_skipped_are_fetched(exchange: str, tmp_path: Path) -> None:
    async with running(exchange, tmp_path) as (venue, spine):
        first = (await venue.trade("BTC/USD")).number
        await eventually(lambda: spine.seqs(exchange, "BTC/USD") == [first])
        venue.happen("BTC/USD", 30)
        await venue.trade("BTC/USD")
        await eventually(lambda: len(spine.seqs(exchange, "BTC/USD")) == 32)
        assert sorted(spine.seqs(exchange, "BTC/USD")) == list(range(first, first + 32))
        await eventually(lambda: spine.open and not any(spine.open.values()))
        assert not spine.given_up


@pytest.mark.parametrize("exchange", VENUES)
async def test_skips_repetitions_and_cuts_leave_each_trade_once(exchange: str, tmp_path: Path) -> None:
    rng = Random(7)
    async with running(exchange, tmp_path) as (venue, spine):
        first = (await venue.trade("BTC/USD")).number
        await eventually(lambda: spine.seqs(exchange, "BTC/USD") == [first])
        for number in range(400):
            (made,) = venue.happen("BTC/USD")
            if rng.random() < 0.7:
                await venue.tell("BTC/USD", [made] * rng.choice((1, 1, 1, 2)))
            if number % 100 == 99:
                venue.cut()
                await eventually(venue.is_subscribed)
        await venue.trade("BTC/USD")
        told = list(range(first, first + 402))
        await eventually(lambda: sorted(spine.seqs(exchange, "BTC/USD")) == told, within_s=45.0)
        assert not spine.given_up
