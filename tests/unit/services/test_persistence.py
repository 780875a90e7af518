"""What is told is stored once, whatever happens to the database."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec import structs

from alphaplus_tui.domain.coverage import Cover, CoveredTime
from alphaplus_tui.domain.events import (
    CandleClosed,
    GapChanged,
    GapOpened,
    HistoryLoaded,
    InstrumentsKnown,
    LastTradesKnown,
    OrderBookChanged,
    RowsCommitted,
    TradeAccepted,
    TradesShed,
)
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Level, OrderBook, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Health, Life, ServiceState, ServiceStatus
from alphaplus_tui.ports.store import Batch, GapRecord, LastTrade
from alphaplus_tui.services.buffer import PAST_ROWS
from alphaplus_tui.services.persistence import PersistenceService
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import a_trade, an_instrument
from tests.fakes.spool import FakeSpool
from tests.fakes.store import FakeStore

BTC, ETH = an_instrument("BTC/USDT"), an_instrument("ETH/USDT")
START_NS = 1_704_067_200_000_000_000
MINUTE = Timeframe("1m")


class Desk:
    """The service alone, with a clock that stands still."""

    def __init__(self, store: FakeStore | None = None, spool: FakeSpool | None = None) -> None:
        self.store, self.spool = store or FakeStore(), spool or FakeSpool()
        self.clock, self.meters, self.bus = FakeClock(), Meters(), Bus()
        self.market = ManualMarketClock(START_NS)
        self.service = PersistenceService(
            self.store, self.store, self.spool, self.bus, clock=self.clock, market=self.market, meters=self.meters
        )
        self.life = Life("persistence", self.clock)

    def follow(self, *instruments: Instrument) -> None:
        self.bus.publish(InstrumentsKnown(instruments or (BTC,)))

    def accept(self, *numbers: int, instrument: Instrument = BTC) -> None:
        for seq in numbers:
            self.bus.publish(TradeAccepted(a_trade(instrument.id, seq)))

    @property
    def stored(self) -> list[int]:
        return sorted(trade.seq for trade in self.store.stored_trades.values())


@asynccontextmanager
async def working(desk: Desk) -> AsyncGenerator[Desk]:
    task = asyncio.create_task(desk.service.run(desk.life))
    try:
        await desk.clock.settle()
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


def a_candle(minute: int, *, revision: int = 0, close: float = 1.0) -> Candle:
    return Candle(BTC.id, MINUTE, START_NS + minute * 60_000_000_000, 1, 1, 1, close, 1.0, revision=revision)


def a_book(seconds: float) -> OrderBook:
    ts = START_NS + round(seconds * 1e9)
    return OrderBook(BTC.id, (Level(1.0, 1.0),), (Level(2.0, 1.0),), round(seconds * 10), ts, ts)


async def test_rows_are_committed_within_a_tenth_of_a_second() -> None:
    async with working(Desk()) as desk:
        committed: list[RowsCommitted] = []
        desk.bus.on(RowsCommitted, committed.append)
        desk.follow()
        desk.accept(1, 2, 3)
        desk.bus.publish(CandleClosed(a_candle(0)))
        await desk.clock.advance(0.1)
        assert desk.stored == [1, 2, 3]
        assert [(event.table, event.rows) for event in committed] == [("trades", 3), ("candles", 1)]
        assert desk.meters.counter("trades_committed").value == 3
        assert desk.meters.histogram("wire_to_commit").count == 3


async def test_nothing_is_written_before_it_is_known_where_the_last_run_ended() -> None:
    desk = Desk()
    told: list[tuple[LastTradesKnown, int]] = []
    desk.bus.on(LastTradesKnown, lambda event: told.append((event, len(desk.store.batches))))
    await desk.store.register((BTC,))
    earlier = a_trade(BTC.id, 40)
    await desk.store.write(Batch(trades=(earlier,)))
    async with working(desk):
        desk.follow()
        desk.accept(50)
        await desk.clock.advance(1)
        assert told == [(LastTradesKnown(((BTC.id, 40, earlier.ts_event),)), 1)]
        assert desk.stored == [40, 50]


async def test_of_a_candle_that_changes_twice_before_it_is_written_only_the_last_is() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.bus.publish(CandleClosed(a_candle(0, close=1.0)))
        desk.bus.publish(CandleClosed(a_candle(0, revision=1, close=2.0)))
        await desk.clock.advance(0.1)
        assert [batch.candles for batch in desk.store.batches] == [(a_candle(0, revision=1, close=2.0),)]


async def test_history_is_stored_unless_it_comes_from_the_store() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.bus.publish(HistoryLoaded((a_candle(0),), stored=True))
        desk.bus.publish(HistoryLoaded((a_candle(1),), stored=False))
        await desk.clock.advance(0.1)
        assert list(desk.store.stored_candles.values()) == [a_candle(1)]


async def test_what_is_live_waits_for_no_more_than_a_small_piece_of_the_past() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.accept(1)
        past = [a_candle(minute) for minute in range(3 * PAST_ROWS)]
        desk.bus.publish(HistoryLoaded(tuple(past), stored=False))
        desk.accept(2)
        live = a_candle(-1)
        desk.bus.publish(CandleClosed(live))
        await desk.clock.advance(0.1)
        first, *rest = desk.store.batches
        assert [trade.seq for trade in first.trades] == [1, 2]
        assert first.candles[0] == live
        assert len(first.candles) == 1 + PAST_ROWS
        assert [candle for batch in (first, *rest) for candle in batch.candles] == [live, *past]


async def test_a_past_that_comes_while_the_database_is_away_is_spooled_in_few_batches() -> None:
    desk = Desk()
    desk.store.available = False
    async with working(desk):
        desk.follow()
        desk.bus.publish(HistoryLoaded(tuple(map(a_candle, range(5 * PAST_ROWS))), stored=False))
        await desk.clock.advance(6)
        assert [len(batch.candles) for batch in desk.spool.waiting.values()] == [5 * PAST_ROWS]
        desk.store.available = True
        await desk.clock.advance(1)
        assert len(desk.store.stored_candles) == 5 * PAST_ROWS


async def test_order_books_are_sampled_every_ten_seconds() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        for tenths in range(250):
            desk.bus.publish(OrderBookChanged(a_book(tenths / 10)))
        await desk.clock.advance(0.1)
        assert [book.sequence for book in desk.store.stored_books.values()] == [0, 100, 200]


async def test_the_last_word_on_a_gap_is_stored_also_when_time_stands_still() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.bus.publish(GapOpened(BTC.id, 5, 9, START_NS))
        await desk.clock.advance(0.1)
        desk.bus.publish(GapChanged(BTC.id, 5, 9, 2, "", START_NS))
        await desk.clock.advance(0.1)
        desk.bus.publish(GapChanged(BTC.id, 5, 9, 2, "not there", START_NS))
        await desk.clock.advance(0.1)
        (record,) = desk.store.stored_gaps.values()
        assert (record.missing, record.reason, record.noticed_at) == (2, "not there", START_NS)


async def test_changes_of_services_are_stored() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.bus.publish(ServiceStatus("ingestion", ServiceState.BACKING_OFF, reason="it broke"))
        await desk.clock.advance(0.1)
        (event,) = desk.store.stored_service_events.values()
        assert (event.service, event.state, event.reason) == ("ingestion", "BACKING_OFF", "it broke")


async def test_a_database_that_is_away_for_long_fills_the_spool_and_gets_all_of_it_back() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.accept(1)
        await desk.clock.advance(0.1)
        desk.store.available = False
        desk.accept(2, 3)
        await desk.clock.advance(5.5)
        assert (desk.life.health, desk.spool.bytes_used > 0) == (Health.DEGRADED, True)
        desk.accept(4)
        await desk.clock.advance(1)
        assert desk.meters.gauge("buffered_rows").value == 1
        desk.store.available = True
        await desk.clock.advance(1)
        assert desk.stored == [1, 2, 3, 4]
        assert (desk.life.health, desk.spool.bytes_used) == (Health.OK, 0)
        assert [[t.seq for t in batch.trades] for batch in desk.store.batches if batch.trades] == [[1], [2, 3], [4]]


async def test_more_than_memory_may_hold_goes_to_the_spool_at_once() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.store.available = False
        trade = a_trade(BTC.id, 1)
        for _ in range(230_000):
            desk.bus.publish(TradeAccepted(trade))
        await desk.clock.advance(0.2)
        assert desk.spool.bytes_used > 0
        assert desk.meters.gauge("buffered_rows").value == 0


async def test_when_the_spool_is_full_what_was_shed_is_told_once_there_is_room() -> None:
    desk = Desk(spool=FakeSpool(max_bytes=2_000))
    shed: list[TradesShed] = []
    desk.bus.on(TradesShed, shed.append)
    async with working(desk):
        desk.follow(BTC, ETH)
        desk.accept(1)
        await desk.clock.advance(0.1)
        desk.store.available = False
        desk.accept(*range(2, 100))
        desk.accept(*range(5, 8), instrument=ETH)
        desk.bus.publish(OrderBookChanged(a_book(0)))
        desk.bus.publish(CandleClosed(a_candle(0)))
        await desk.clock.advance(6)
        desk.accept(*range(100, 150), *range(151, 160))
        await desk.clock.advance(6)
        desk.store.available = True
        await desk.clock.advance(1)
        desk.accept(160)
        await desk.clock.advance(0.1)
        assert [(e.instrument, e.first_seq, e.last_seq) for e in shed] == [
            (BTC.id, 2, 149),
            (BTC.id, 151, 159),
            (ETH.id, 5, 7),
        ]
        assert desk.stored == [1, 160]
        assert list(desk.store.stored_candles.values()) == [a_candle(0)]
        assert desk.store.stored_books == {}


async def test_a_stop_writes_what_is_buffered() -> None:
    desk = Desk()
    async with working(desk):
        desk.follow()
        await desk.clock.advance(0.1)
        desk.accept(1, 2)
    assert desk.stored == [1, 2]


async def test_a_stop_with_the_database_away_leaves_it_all_in_the_spool_on_disk() -> None:
    desk = Desk()
    async with working(desk):
        desk.follow()
        desk.store.available = False
        desk.accept(1, 2)
        await desk.clock.advance(0.1)
    assert (desk.stored, desk.spool.synced, len(desk.spool.waiting)) == ([], True, 1)


async def test_a_spool_of_other_instruments_is_written_all_the_same() -> None:
    spool = FakeSpool()
    await spool.append(Batch(trades=(a_trade(ETH.id, 7),)))
    async with working(Desk(spool=spool)) as desk:
        desk.follow(BTC)
        await desk.clock.advance(0.1)
        assert desk.stored == [7]
        assert desk.store.known[ETH.id].quote == "USDT"


async def test_settled_returns_when_everything_is_committed() -> None:
    async with working(Desk()) as desk:
        desk.follow()
        desk.store.available = False
        desk.accept(1)
        settled = asyncio.ensure_future(desk.service.settled())
        await desk.clock.advance(2)
        assert not settled.done()
        desk.store.available = True
        await desk.clock.advance(1)
        await settled
        assert desk.stored == [1]


async def test_while_nobody_writes_memory_stays_bounded() -> None:
    desk = Desk()
    trades = [a_trade(BTC.id, seq) for seq in range(1, 200_500)]
    for trade in trades:
        desk.bus.publish(TradeAccepted(trade))
    shed: list[TradesShed] = []
    desk.bus.on(TradesShed, shed.append)
    async with working(desk):
        desk.follow()
        await desk.clock.advance(0.2)
        (lost,) = shed
        kept: list[Trade] = [trade for trade in trades if trade.seq > lost.last_seq]
        assert lost.first_seq == 1
        assert desk.stored == [trade.seq for trade in kept]


async def test_the_last_trades_count_also_what_the_spool_held() -> None:
    spool, told = FakeSpool(), list[LastTradesKnown]()
    await spool.append(Batch(trades=(a_trade(BTC.id, 7),)))
    desk = Desk(spool=spool)
    desk.bus.on(LastTradesKnown, told.append)
    async with working(desk):
        desk.follow()
        await desk.clock.advance(0.1)
        last = await desk.store.last_trades((BTC.id,))
        assert last == {BTC.id: LastTrade(7, a_trade(BTC.id, 7).ts_event)}
        assert [event.last[0][1] for event in told] == [7]


async def test_where_the_last_run_ended_is_read_before_anything_of_this_run_is_written_also_what_it_spooled() -> None:
    spool, told = FakeSpool(), list[tuple[LastTradesKnown, list[int]]]()
    await spool.append(Batch(trades=(a_trade(BTC.id, 7),)))
    desk = Desk(spool=spool)
    await desk.store.register((BTC,))
    await desk.store.write(Batch(trades=(a_trade(BTC.id, 6),)))
    desk.bus.on(LastTradesKnown, lambda event: told.append((event, desk.stored)))
    async with working(desk):
        desk.store.available = False
        desk.follow()
        desk.accept(20, 21)
        await desk.clock.advance(6)
        desk.accept(22)
        await desk.clock.advance(6)
        assert len(spool.waiting) == 3, "one of the run before, two of this"
        desk.store.available = True
        await desk.clock.advance(1)
        assert told == [(LastTradesKnown(((BTC.id, 7, a_trade(BTC.id, 7).ts_event),)), [6, 7])]
        assert desk.stored == [6, 7, 20, 21, 22]


async def test_an_exchange_that_answers_while_the_database_is_away_is_not_written_before_its_past_is_read() -> None:
    told: list[tuple[InstrumentId, int]] = []
    desk = Desk()
    await desk.store.register((BTC, ETH))
    await desk.store.write(Batch(trades=(a_trade(ETH.id, 5),)))
    desk.bus.on(LastTradesKnown, lambda event: told.extend((name, seq) for name, seq, _ in event.last))
    async with working(desk):
        desk.follow(BTC)
        desk.accept(1)
        await desk.clock.advance(0.1)
        desk.store.available = False
        desk.accept(2)
        desk.follow(BTC, ETH)
        desk.accept(9, instrument=ETH)
        await desk.clock.advance(6)
        assert spooled(desk) == 2
        desk.store.available = True
        await desk.clock.advance(1)
        assert told == [(ETH.id, 5)]
        assert desk.stored == [1, 2, 5, 9]


def spooled(desk: Desk) -> int:
    """Trades that wait in the spool."""
    return sum(len(batch.trades) for batch in desk.spool.waiting.values())


async def test_a_hole_before_a_run_that_never_saw_the_database_is_on_record_with_its_first_trades() -> None:
    spool, store = FakeSpool(), FakeStore()
    await store.register((BTC, ETH))
    await store.write(Batch(trades=(a_trade(BTC.id, 6),)))
    noticed = GapRecord(BTC.id, 22, 23, 2, "", START_NS, START_NS, a_trade(BTC.id, 21).ts_event)
    await spool.append(Batch(trades=(a_trade(BTC.id, 20), a_trade(BTC.id, 21), a_trade(ETH.id, 3)), gaps=(noticed,)))
    await spool.append(Batch(trades=(a_trade(BTC.id, 24), a_trade(ETH.id, 4))))
    await spool.append(Batch(trades=(a_trade(BTC.id, 40),)))
    store.answers_lost = 1
    async with working(Desk(store, spool)) as desk:
        desk.follow(BTC, ETH)
        await desk.clock.advance(2)
        assert desk.spool.bytes_used == 0
        gaps = sorted(await store.open_gaps(), key=lambda gap: gap.first_seq)
        assert [(gap.instrument, gap.first_seq, gap.last_seq, gap.missing) for gap in gaps] == [
            (BTC.id, 7, 19, 13),
            (BTC.id, 22, 23, 2),
            (BTC.id, 25, 39, 15),
        ]
        assert (gaps[0].start, gaps[0].end) == (a_trade(BTC.id, 6).ts_event, a_trade(BTC.id, 20).ts_event)


async def test_without_numbers_the_time_before_a_run_that_never_saw_the_database_is_on_record() -> None:
    spool, store = FakeSpool(), FakeStore()
    sol = structs.replace(an_instrument("SOL/USDT"), numbered=False)
    await store.register((sol,))
    first, later, last = (START_NS + seconds * 1_000_000_000 for seconds in (5, 60, 90))

    def at(ts: int) -> Trade:
        return structs.replace(a_trade(sol.id, 1, ts_event=ts), seq=ts, trade_id=f"x{ts}")

    await store.write(Batch(trades=(at(first),), covered=(CoveredTime(sol.id, first - 1_000, first, Cover.LIVE),)))
    whole = CoveredTime(sol.id, later, last, Cover.LIVE)
    await spool.append(Batch(trades=(at(later), at(last)), covered=(whole,)))
    async with working(Desk(store, spool)) as desk:
        desk.follow(sol)
        await desk.clock.advance(0.1)
        (gap,) = await store.open_gaps()
        assert (gap.instrument, gap.first_seq, gap.last_seq, gap.missing) == (sol.id, first, later, 1)
