"""The past comes from the database first, and only the rest from the exchange."""

import asyncio
from random import Random

from msgspec import structs

from alphaplus_tui.domain.events import CandleClosed, HistoryLoaded
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.history import CandleHistory
from alphaplus_tui.services.repair import CandleRepair
from alphaplus_tui.services.told_candles import ToldCandles
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import FakeMarketData, an_instrument
from tests.fakes.store import FakeStore

BTC = an_instrument("BTC/USDT")
MINUTE = Timeframe("1m")
MINUTE_NS = 60_000_000_000
START_NS = 1_704_067_200_000_000_000


def a_candle(minute: int, *, complete: bool = True) -> Candle:
    return Candle(BTC.id, MINUTE, START_NS + minute * MINUTE_NS, 1, 1, 1, 1, 1.0, complete=complete)


class Past:
    """History and repair over an exchange that has ten minutes, the last of them forming."""

    def __init__(self) -> None:
        self.clock, self.bus, self.store = FakeClock(), Bus(), FakeStore()
        self.market = ManualMarketClock(START_NS + 9 * MINUTE_NS + 30_000_000_000)
        self.exchange = FakeMarketData(BTC)
        candles = [a_candle(minute) for minute in range(10)]
        self.exchange.history[BTC.id, MINUTE] = [*candles[:-1], structs.replace(candles[-1], forming=True)]
        self.asker = PatientAsker("fake", clock=self.clock, rng=Random(1), on_trouble=lambda _: None)
        self.loaded: list[HistoryLoaded] = []
        self.bus.on(HistoryLoaded, self.loaded.append)
        self.filling = False

    def history(self, candles: int = 8) -> CandleHistory:
        return CandleHistory(
            self.exchange,
            self.store,
            self.bus,
            (MINUTE,),
            candles=candles,
            asker=self.asker,
            clock=self.clock,
            market=self.market,
        )

    def repair(self) -> CandleRepair:
        return CandleRepair(
            self.exchange,
            self.bus,
            asker=self.asker,
            clock=self.clock,
            market=self.market,
            told=ToldCandles(self.bus, None),
            is_filling=lambda _: self.filling,
        )

    def minutes(self) -> list[tuple[bool, list[int]]]:
        """Whether stored, and which minutes, of each loading."""
        return [(e.stored, [(c.open_time - START_NS) // MINUTE_NS for c in e.candles]) for e in self.loaded]


async def test_without_a_stored_past_all_of_it_comes_from_the_exchange() -> None:
    past = Past()
    await past.history().load((BTC,))
    assert past.minutes() == [(False, [1, 2, 3, 4, 5, 6, 7, 8, 9])]


async def test_what_is_stored_is_shown_at_once_and_only_the_rest_is_fetched() -> None:
    past = Past()
    await past.store.register((BTC,))
    await past.store.write(Batch(candles=tuple(a_candle(minute) for minute in range(6))))
    await past.history().load((BTC,))
    assert past.minutes() == [(True, [1, 2, 3, 4, 5]), (False, [6, 7, 8, 9])]


async def test_a_hole_or_an_incomplete_candle_in_the_stored_past_is_fetched_again() -> None:
    past = Past()
    await past.store.register((BTC,))
    await past.store.write(Batch(candles=tuple(a_candle(m, complete=m != 3) for m in (0, 1, 2, 3, 5))))
    await past.history().load((BTC,))
    assert past.minutes() == [(True, [1, 2, 3, 5]), (False, [3, 4, 5, 6, 7, 8, 9])]


async def test_with_the_database_away_the_exchange_is_asked_after_a_little_while() -> None:
    past = Past()
    past.store.available = False
    loading = asyncio.ensure_future(past.history().load((BTC,)))
    await past.clock.advance(4)
    assert past.loaded == []
    await past.clock.advance(2)
    await loading
    assert past.minutes() == [(False, [1, 2, 3, 4, 5, 6, 7, 8, 9])]


async def test_a_second_loading_asks_for_nothing() -> None:
    past = Past()
    history = past.history()
    await history.load((BTC,))
    await history.load((BTC,))
    assert len([call for call in past.exchange.asked if call.startswith("candles")]) == 1


async def test_an_exchange_without_history_is_no_reason_to_fail() -> None:
    past = Past()
    past.exchange.failures.append(ProtocolError("no such route"))
    await past.history().load((BTC,))
    assert past.loaded == []


async def test_an_incomplete_candle_is_replaced_once_its_gap_is_not_being_filled_any_more() -> None:
    past = Past()
    repair, past.filling = past.repair(), True
    mended: list[Candle] = []
    past.bus.publish(CandleClosed(structs.replace(a_candle(4, complete=False), revision=3)))
    past.bus.on(CandleClosed, lambda event: mended.append(event.candle))
    task = asyncio.create_task(repair.run({BTC.id: BTC}))
    await past.clock.advance(3)
    assert past.exchange.asked == []
    past.filling = False
    await past.clock.advance(3)
    task.cancel()
    assert [(c.open_time, c.revision, c.complete, c.provenance) for c in mended] == [
        (START_NS + 4 * MINUTE_NS, 4, True, "backfilled")
    ]
    assert len(past.exchange.asked) == 1


async def test_a_candle_that_its_own_trades_completed_is_not_asked_for() -> None:
    past = Past()
    repair = past.repair()
    past.bus.publish(CandleClosed(a_candle(4, complete=False)))
    past.bus.publish(CandleClosed(structs.replace(a_candle(4), revision=1)))
    task = asyncio.create_task(repair.run({BTC.id: BTC}))
    await past.clock.advance(3)
    task.cancel()
    assert past.exchange.asked == []


async def test_a_candle_completed_while_another_is_being_mended_is_left_alone() -> None:
    past = Past()
    repair = past.repair()
    five = structs.replace(a_candle(0, complete=False), timeframe=Timeframe("5m"))
    past.bus.publish(CandleClosed(a_candle(4, complete=False)))
    past.bus.publish(CandleClosed(five))

    def complete_the_other(event: CandleClosed) -> None:
        if event.candle.timeframe == MINUTE:
            past.bus.publish(CandleClosed(structs.replace(five, complete=True, revision=1)))

    past.bus.on(CandleClosed, complete_the_other)
    task = asyncio.create_task(repair.run({BTC.id: BTC}))
    await past.clock.advance(5)
    assert not task.done()
    task.cancel()
    assert past.exchange.asked == ["candles fake:BTC/USDT 1m"]


async def test_a_candle_the_exchange_does_not_have_is_asked_for_a_few_times_only() -> None:
    past = Past()
    repair = past.repair()
    past.bus.publish(CandleClosed(a_candle(-50, complete=False)))
    past.exchange.history.clear()
    task = asyncio.create_task(repair.run({BTC.id: BTC}))
    await past.clock.advance(60)
    task.cancel()
    assert len(past.exchange.asked) == 5
