"""The services that follow exchanges, between adapters that a test chooses and a store that it can look into."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.runtime.following import followers
from alphaplus_tui.services.candles import CandleService
from alphaplus_tui.services.continuity import ContinuityService
from alphaplus_tui.services.monitor import MonitorService
from alphaplus_tui.services.persistence import PersistenceService
from alphaplus_tui.services.projection import ProjectionService
from alphaplus_tui.settings.exchange import ExchangeSettings
from alphaplus_tui.state.slices import Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from tests.fakes.spool import FakeSpool
from tests.fakes.store import FakeStore
from tests.unit.services.pipeline import MINUTE


class Followed:
    """As the builder wires them; a second one on the same store is the next run."""

    def __init__(
        self, exchanges: Sequence[MarketData], settings: ExchangeSettings, store: FakeStore | None = None
    ) -> None:
        self.store = store or FakeStore()
        self.state, self.bus, self.market = StateStore(), Bus(), WallMarketClock()
        clock, meters, rng = SystemClock(), Meters(), Random(1)
        persistence = PersistenceService(
            self.store, self.store, FakeSpool(), self.bus, clock=clock, market=self.market, meters=meters
        )
        persistence.after = ()
        asking, listening = followers(
            exchanges,
            settings,
            self.store,
            self.bus,
            [MINUTE],
            followed=settings.followed(),
            history_candles=settings.history_candles,
            live=True,
            clock=clock,
            market=self.market,
            meters=meters,
            rng=rng,
        )
        monitor = MonitorService(
            self.state,
            self.bus,
            self.store,
            exchanges,
            system=SystemRow(Mode.LIVE, "0", ", ".join(settings.followed()), 0, None, 0, 0.0),
            folder=Path(),
            clock=clock,
            market=self.market,
            meters=meters,
        )
        self.manager = ServiceManager(
            (
                persistence,
                ProjectionService(self.state, self.bus, [MINUTE], clock=clock, market=self.market),
                CandleService(self.bus, [MINUTE], market=self.market, meters=meters),
                ContinuityService(self.store, self.bus, resume=True, market=self.market, meters=meters, rng=rng),
                monitor,
                *asking,
                *listening,
            ),
            clock=clock,
            on_change=self.bus.publish,
        )

    def trades_of(self, instrument: InstrumentId) -> list[Trade]:
        """What is stored of it, in order."""
        stored = [trade for trade in self.store.stored_trades.values() if trade.instrument == instrument]
        return sorted(stored, key=lambda trade: (trade.seq, trade.trade_id))


F = TypeVar("F", bound=Followed)


@asynccontextmanager
async def running(followed: F) -> AsyncGenerator[F]:
    await followed.manager.start()
    try:
        yield followed
    finally:
        await followed.manager.stop()
