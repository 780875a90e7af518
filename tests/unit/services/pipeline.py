"""All services under their manager, between an exchange and a store that tests control."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe, open_time
from alphaplus_tui.exchanges.replay import ReplayMarketData
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.backfill import BackfillService
from alphaplus_tui.services.candles import CandleService
from alphaplus_tui.services.continuity import ContinuityService
from alphaplus_tui.services.ingestion import IngestionService
from alphaplus_tui.services.monitor import MonitorService
from alphaplus_tui.services.persistence import PersistenceService
from alphaplus_tui.services.projection import ProjectionService
from alphaplus_tui.state.slices import Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.fakes.spool import FakeSpool
from tests.fakes.store import FakeStore
from tests.support import eventually

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
START_NS = 1_704_067_200 * SECOND_NS
"""2024-01-01, a whole minute of every timeframe."""

MINUTE, FIVE_MINUTES = Timeframe("1m"), Timeframe("5m")
BTC = an_instrument("BTC/USDT")


class Pipeline:
    """The running services; a second one on the same store is the next run."""

    def __init__(
        self,
        market_data: FakeMarketData | None = None,
        store: FakeStore | None = None,
        spool: FakeSpool | None = None,
        *,
        live: bool = True,
        max_trades: int = 100_000,
        history_candles: int = 0,
        timeframes: Sequence[Timeframe] = (MINUTE, FIVE_MINUTES),
        recording: Path | None = None,
    ) -> None:
        """recording: a file to replay in place of ``market_data``, as fast as it goes."""
        self.market_data = market_data or FakeMarketData(BTC)
        self.store = store or FakeStore()
        self.spool = spool or FakeSpool()
        self.state, self.meters = StateStore(), Meters()
        self.market = ManualMarketClock(0 if recording else START_NS)
        clock, rng = SystemClock(), Random(1)
        data: MarketData = self.market_data
        if recording is not None:
            data = ReplayMarketData(
                (recording,), exchange="binance", speed=None, clock=clock, market=self.market, meters=self.meters
            )
        self.bus = Bus(clock=clock)
        self.projection = ProjectionService(self.state, self.bus, timeframes, clock=clock, market=self.market)
        self.persistence = PersistenceService(
            self.store, self.store, self.spool, self.bus, clock=clock, market=self.market, meters=self.meters
        )
        # no "database" service here: the fake store is always being looked after
        self.persistence.after = ()
        self.candles = CandleService(self.bus, timeframes, market=self.market, meters=self.meters)
        self.continuity = ContinuityService(
            self.store, self.bus, resume=live, market=self.market, meters=self.meters, rng=rng
        )
        self.backfill = BackfillService(
            data,
            self.store,
            self.bus,
            timeframes,
            history_candles=history_candles,
            max_trades=max_trades,
            live=live,
            clock=clock,
            market=self.market,
            meters=self.meters,
            rng=rng,
            told=data.told_timeframe,
        )
        self.ingestion = IngestionService(
            data,
            self.bus,
            symbols=(),
            channels=frozenset(Channel),
            market=self.market,
            meters=self.meters,
            rng=rng,
        )
        system = SystemRow(Mode.DEMO, "0", self.market_data.exchange, START_NS, None, START_NS, 0.0)
        self.monitor = MonitorService(
            self.state,
            self.bus,
            self.store,
            [data],
            system=system,
            folder=Path(),
            clock=clock,
            market=self.market,
            meters=self.meters,
        )
        self.manager = ServiceManager(
            (
                self.projection,
                self.persistence,
                self.candles,
                self.continuity,
                self.backfill,
                self.ingestion,
                self.monitor,
            ),
            clock=clock,
            on_change=self.bus.publish,
        )

    def trade(self, trade: Trade, *, heard: bool = True) -> None:
        """It happens on the exchange, and time with it."""
        self.market.advance_to(trade.ts_event)
        self.market_data.trade(trade, heard=heard)

    async def market_data_heard(self, seq: int, instrument: Instrument = BTC) -> None:
        """Returns when trade ``seq`` is the newest on the tape."""

        def is_newest() -> bool:
            row = self.state.tapes.get(instrument.id)
            return row is not None and row.trades[0].seq == seq

        await eventually(is_newest)

    def stored(self, instrument: Instrument = BTC) -> list[int]:
        """The numbers of the stored trades, in order."""
        return sorted(trade.seq for trade in self.store.stored_trades.values() if trade.instrument == instrument.id)

    def stored_candle(self, opens: int, timeframe: Timeframe = MINUTE, instrument: Instrument = BTC) -> Candle | None:
        return self.store.stored_candles.get((instrument.id, timeframe, opens))


@asynccontextmanager
async def running(pipeline: Pipeline) -> AsyncGenerator[Pipeline]:
    await pipeline.manager.start()
    try:
        yield pipeline
    finally:
        await pipeline.manager.stop()


def some_trades(
    count: int,
    *,
    seed: int = 1,
    first_seq: int = 1,
    start_ns: int = START_NS,
    step_ns: int = SECOND_NS,
    instrument: Instrument = BTC,
) -> list[Trade]:
    """Trades in order, ``step_ns`` apart on average, whose prices wander."""
    rng, price, ts, trades = Random(seed), 100.0, start_ns, list[Trade]()
    for seq in range(first_seq, first_seq + count):
        ts += rng.randrange(2 * step_ns)
        price = round(max(1.0, price + rng.gauss(0, 0.5)), 2)
        side = rng.choice((Side.BUY, Side.SELL))
        quantity = round(rng.uniform(0.001, 3), 5)
        trades.append(a_trade(instrument.id, seq, price=price, quantity=quantity, side=side, ts_event=ts))
    return trades


def recomputed(trades: Sequence[Trade], timeframe: Timeframe) -> dict[int, tuple[float, ...]]:
    """Open, high, low, close, volume, count and bought volume by opening time, straight from the trades."""
    by_span: dict[int, list[Trade]] = {}
    for trade in sorted(trades, key=lambda t: (t.ts_event, t.seq)):
        by_span.setdefault(open_time(trade.ts_event, timeframe), []).append(trade)
    return {
        opens: (
            span[0].price,
            max(t.price for t in span),
            min(t.price for t in span),
            span[-1].price,
            round(sum(t.quantity for t in span), 8),
            len(span),
            round(sum(t.quantity for t in span if t.side is Side.BUY), 8),
        )
        for opens, span in by_span.items()
    }


def figures(candle: Candle) -> tuple[float, ...]:
    """Of a candle, comparable with ``recomputed``."""
    assert candle.trades is not None
    assert candle.buy_volume is not None
    return (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        round(candle.volume, 8),
        candle.trades,
        round(candle.buy_volume, 8),
    )
