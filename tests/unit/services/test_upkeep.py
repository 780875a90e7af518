"""The program looks after itself: figures, clock, database, old rows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from alphaplus_tui.domain.alerts import Alert, AlertKind, Severity
from alphaplus_tui.domain.events import DatabaseConnected, DatabaseLost
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance
from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.errors import FatalError, VenueUnavailable
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Health, Life
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.database import DatabaseService
from alphaplus_tui.services.figures import Rates, latency_row
from alphaplus_tui.services.monitor import MonitorService
from alphaplus_tui.services.retention import RetentionService
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.state.slices import FeedRow, FeedState, Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.fakes.store import FakeStore
from tests.support import eventually

BTC = an_instrument("BTC/USDT")
START_NS = 1_704_067_200_000_000_000


class Watch:
    """The monitor alone, with a program's clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.state, self.bus, self.store, self.meters = StateStore(), Bus(), FakeStore(), Meters()
        self.exchange, self.clock, self.market = FakeMarketData(BTC), FakeClock(), WallMarketClock()
        system = SystemRow(Mode.DEMO, "0", "fake", START_NS, None, START_NS, 0.0)
        self.monitor = MonitorService(
            self.state,
            self.bus,
            self.store,
            [self.exchange],
            system=system,
            folder=folder,
            clock=self.clock,
            market=self.market,
            meters=self.meters,
        )

    async def start(self) -> "asyncio.Task[None]":
        life = Life("monitor", self.clock)
        task = asyncio.create_task(self.monitor.run(life))
        await asyncio.wait_for(life.wait_ready(), 20)
        await self.clock.settle()
        return task


async def test_figures_are_there_each_second(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    task = await watch.start()
    watch.meters.counter("messages", (("exchange", "fake"), ("channel", "trade"))).add(30)
    watch.meters.counter("messages", (("exchange", "fake"), ("channel", "book"))).add(10)
    watch.meters.histogram("db_query", (("query", "candles"),)).observe(0.002)
    await watch.clock.advance(2)
    task.cancel()
    counters = watch.state.counters
    assert (counters["messages"].value, counters["messages:fake:trade"].value) == (40, 30)
    assert counters["messages"].per_s == 20
    latency = watch.state.latencies["db_query:candles"]
    assert (latency.count, 1.9 < latency.p50 < 2.2, latency.longest) == (1, True, 2.0)
    assert watch.state.resources[ONLY].memory_mb > 1
    assert watch.state.resources[ONLY].tasks > 0
    assert watch.state.database[ONLY].disk_free_bytes > 0


async def test_the_seconds_of_streams_are_counted_by_state(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for number, state in enumerate((FeedState.LIVE, FeedState.LIVE, FeedState.STALE)):
        name = InstrumentId(f"fake:{number}")
        watch.state.feeds.put(name, FeedRow(name, state, "", 0))
    task = await watch.start()
    await watch.clock.advance(3)
    task.cancel()
    counters = watch.state.counters
    assert (counters["stream_seconds:LIVE"].value, counters["stream_seconds:STALE"].value) == (6, 3)
    assert (counters["stream_seconds:GAP"].value, counters["stream_seconds:GAP"].labels) == (0, (("state", "GAP"),))


async def test_the_database_is_asked_how_it_is_and_its_absence_shows(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    task = await watch.start()
    row = watch.state.database[ONLY]
    assert (row.kind, row.connected, row.ping_ms) == ("embedded", True, 0.0)
    watch.store.available = False
    await watch.clock.advance(1)
    row = watch.state.database[ONLY]
    assert (row.connected, row.reason, row.ping_ms) == (False, "the store was taken away", None)
    watch.bus.publish(DatabaseConnected(START_NS))
    assert watch.state.database[ONLY].connected
    watch.bus.publish(DatabaseLost("killed", START_NS))
    task.cancel()
    assert watch.state.database[ONLY].reason == "killed"


async def test_the_clock_is_set_by_the_exchanges_and_the_offset_shown(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.exchange.offset_ns = 2_500_000_000
    watch.exchange.failures.append(VenueUnavailable("maintenance"))
    task = await watch.start()
    assert watch.market.offset_ns == 0
    await watch.clock.advance(6)
    assert (watch.market.offset_ns, watch.state.system[ONLY].clock_offset_ms) == (2_500_000_000, 2500.0)
    watch.exchange.offset_ns = -1_000_000_000
    await watch.clock.advance(61)
    task.cancel()
    assert watch.state.system[ONLY].clock_offset_ms == -1000.0


async def test_the_system_row_tells_start_and_stop(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.monitor.started(1.25)
    watch.monitor.stopping()
    watch.monitor.refresh()
    row = watch.state.system[ONLY]
    assert (row.startup_s, row.stopping, row.mode) == (1.25, True, Mode.DEMO)


def test_rates_are_over_the_last_seconds_only() -> None:
    rates = Rates()
    for second in range(19):
        list(rates.rows(float(second), {"x": 100.0 if second < 10 else 100.0 + (second - 10) * 7}))
    (row,) = rates.rows(19.0, {"x": 163.0})
    assert (row.value, row.per_s) == (163.0, 7.0)


def test_a_latency_row_is_in_milliseconds() -> None:
    histogram = Meters().histogram("wire_to_state")
    for value in [0.001] * 98 + [0.5] * 2:
        histogram.observe(value)
    row = latency_row(histogram.reading())
    assert (round(row.p50), round(row.p99), round(row.longest), row.count) == (1, 500, 500, 100)
    assert [count for _, count in row.buckets] == [98, 2]


async def test_old_rows_are_forgotten_once_an_hour_and_imported_ones_never() -> None:
    store, clock = FakeStore(), FakeClock()
    market = ManualMarketClock(START_NS + 40 * DAY_NS)
    await store.register((BTC,))
    await store.write(
        Batch(
            trades=(
                a_trade(BTC.id, 1, ts_event=START_NS),
                a_trade(BTC.id, 2, ts_event=START_NS, provenance=Provenance.REPLAYED),
                a_trade(BTC.id, 3, ts_event=START_NS + 10 * DAY_NS + 60_000_000_000),
            )
        )
    )
    service = RetentionService(store, DatabaseSettings(retain_trades_days=30), market=market, rng=Random(1))
    life = Life("retention", clock)
    task = asyncio.create_task(service.run(life))
    await clock.advance(61)
    assert sorted(trade.seq for trade in store.stored_trades.values()) == [2, 3]
    store.available = False
    await clock.advance(3600)
    assert life.health is Health.DEGRADED
    store.available = True
    market.advance_to(START_NS + 42 * DAY_NS)
    await clock.advance(120)
    task.cancel()
    assert (sorted(t.seq for t in store.stored_trades.values()), life.health) == ([2], Health.OK)


async def test_the_settings_say_how_long_alerts_are_kept() -> None:
    store, clock = FakeStore(), FakeClock()
    old = Alert("a", "disk", AlertKind.DISK, Severity.WARNING, None, "disk", "full", "text", START_NS)
    await store.write(Batch(alerts=(old,)))
    market = ManualMarketClock(START_NS + 40 * DAY_NS)
    service = RetentionService(store, DatabaseSettings(retain_events_days=30), market=market, rng=Random(1))
    task = asyncio.create_task(service.run(Life("retention", clock)))
    await clock.advance(61)
    task.cancel()
    assert await store.alerts(None, since=0, before=2**62, limit=9) == ()


async def test_the_database_service_tells_edges_and_shares_its_fate_with_what_it_supervises() -> None:
    told: list[DatabaseConnected | DatabaseLost] = []
    bus, market, clock = Bus(), ManualMarketClock(START_NS), FakeClock()
    bus.on(DatabaseConnected, told.append)
    bus.on(DatabaseLost, told.append)
    broken = asyncio.Event()

    async def supervised(on_state: Callable[[bool, str], None]) -> None:
        for connected, reason in ((False, "starting"), (True, ""), (True, ""), (False, "killed"), (True, "")):
            on_state(connected, reason)
        await broken.wait()
        raise FatalError("schema too new")

    life = Life("database", clock)
    task = asyncio.create_task(DatabaseService(supervised, bus, market=market).run(life))
    await eventually(lambda: len(told) == 4)
    assert [event.reason if isinstance(event, DatabaseLost) else "" for event in told] == ["starting", "", "killed", ""]
    assert life.health is Health.OK
    broken.set()
    await asyncio.wait({task})
    assert isinstance(task.exception(), FatalError)
