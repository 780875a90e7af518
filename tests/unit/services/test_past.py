"""History is loaded from an exchange once, from where the stored ends, and what it has not is written down."""

from contextlib import aclosing
from random import Random

import pytest
from msgspec import structs

from alphaplus_tui.domain.coverage import Cover
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.services import past_candles, past_trades
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.past_candles import PastCandles
from alphaplus_tui.services.past_trades import PastTrades
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.fakes.store import FakeStore

BTC = an_instrument()
M1 = Timeframe("1m")
START = 1_704_067_200 * SECOND_NS


def minute(number: int, *, forming: bool = False) -> Candle:
    return Candle(BTC.id, M1, START + number * MINUTE_NS, 1.0, 2.0, 0.5, 1.5, float(number), forming=forming)


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_candles, "_PAGE", 10)
    monkeypatch.setattr(past_trades, "_PAGE", 10)


def asker() -> PatientAsker:
    return PatientAsker("fake", clock=SystemClock(), rng=Random(1), on_trouble=lambda _: None)


async def candles(data: FakeMarketData, store: FakeStore, start: int, end: int, *, pages: int = 999) -> PastCandles:
    """From minute ``start`` to minute ``end``; gives up after so many ``pages``."""
    await store.register([BTC])
    past = PastCandles(data, store, store, asker(), ManualMarketClock(START))
    steps = past.load(BTC, M1, start=START + start * MINUTE_NS, end=START + end * MINUTE_NS)
    async with aclosing(steps):
        async for _ in steps:
            pages -= 1
            if not pages:
                break
    return past


def stored(store: FakeStore) -> list[int]:
    return [(opened - START) // MINUTE_NS for _, _, opened in sorted(store.stored_candles)]


@pytest.mark.usefixtures("pages_of_ten")
class TestCandles:
    async def test_all_that_have_closed_come_page_by_page(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        data.history[BTC.id, M1] = [*map(minute, range(-5, 25)), minute(25, forming=True)]
        past = await candles(data, store, 0, 26)
        assert stored(store) == list(range(25))
        assert (past.fetched, past.new, past.missing) == (25, 25, 1)

    async def test_what_was_broken_off_goes_on_where_it_ended(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        data.history[BTC.id, M1] = list(map(minute, range(30)))
        await candles(data, store, 0, 30, pages=1)
        assert stored(store) == list(range(10))
        again = await candles(data, store, 0, 30)
        assert (again.fetched, stored(store)) == (20, list(range(30)))
        assert (await candles(data, store, 0, 30)).fetched == 0
        assert len(data.asked) == 3, "what is stored is not asked for"

    async def test_what_the_exchange_has_not_is_one_gap_over_the_ends_of_pages(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        data.history[BTC.id, M1] = [minute(n) for n in range(40) if not 7 <= n < 33]
        past = await candles(data, store, 0, 40)
        assert past.missing == 26
        (gap,) = [row for row in await store.coverage([BTC.id], start=0, end=2**62, limit=9) if row.cover is Cover.GAP]
        assert (gap.start, gap.end, gap.missing) == (START + 7 * MINUTE_NS, START + 33 * MINUTE_NS, 26)
        assert gap.reason == "the exchange has no candle there"

    async def test_an_incomplete_one_is_fetched_again(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        data.history[BTC.id, M1] = list(map(minute, range(10)))
        await candles(data, store, 0, 10)
        key = BTC.id, M1, START + 4 * MINUTE_NS
        store.stored_candles[key] = structs.replace(store.stored_candles[key], complete=False, volume=0.1)
        await candles(data, store, 0, 10)
        assert store.stored_candles[key].volume == 4.0


def traded(data: FakeMarketData, *trades: Trade) -> None:
    for trade in trades:
        data.trade(trade, heard=False)


def second(seq: int) -> int:
    """When trade ``seq`` of the fakes happens."""
    return START + seq * SECOND_NS


async def trades(data: FakeMarketData, store: FakeStore, start: int, end: int, *, numbered: bool = True) -> PastTrades:
    instrument = structs.replace(BTC, numbered=numbered)
    await store.register([instrument])
    past = PastTrades(data, store, store, asker(), ManualMarketClock(START))
    async for _ in past.load(instrument, start=start, end=end):
        pass
    return past


@pytest.mark.usefixtures("pages_of_ten")
class TestTrades:
    @pytest.mark.parametrize("first", [1, 2, 3, 17, 40, 99])
    async def test_the_first_number_of_a_moment_is_found_by_halving(self, first: int) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        traded(data, *(a_trade(BTC.id, seq) for seq in range(1, 100)))
        past = await trades(data, store, second(first), second(60))
        assert sorted(trade.seq for trade in store.stored_trades.values()) == list(range(first, 60))
        assert (past.fetched, past.missing) == (max(0, 60 - first), 0)
        assert len(data.asked) < 30

    async def test_what_is_stored_is_not_asked_for_again(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        traded(data, *(a_trade(BTC.id, seq) for seq in range(1, 100)))
        await trades(data, store, second(5), second(35))
        asked = len(data.asked)
        past = await trades(data, store, second(5), second(50))
        assert (past.fetched, len(store.stored_trades)) == (15, 45)
        assert len(data.asked) - asked == 2

    async def test_numbers_that_the_exchange_skips_become_a_gap(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        traded(data, *(a_trade(BTC.id, seq) for seq in range(1, 40) if not 20 <= seq < 25))
        assert (await trades(data, store, second(1), second(40))).missing == 5
        (gap,) = [row for row in await store.coverage([BTC.id], start=0, end=2**62, limit=9) if row.cover is Cover.GAP]
        assert (gap.first_seq, gap.last_seq, gap.missing) == (20, 24, 5)
        assert (gap.start, gap.end, gap.reason) == (second(19), second(25), "the exchange does not serve it")

    async def test_an_exchange_that_serves_only_the_newest_gives_those(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        traded(data, *(a_trade(BTC.id, seq) for seq in range(1, 100)))
        data.past_begins = 80
        past = await trades(data, store, second(5), second(200))
        assert (past.fetched, min(trade.seq for trade in store.stored_trades.values())) == (20, 80)

    async def test_without_numbers_all_come_once_though_many_share_a_time(self) -> None:
        data, store = FakeMarketData(BTC), FakeStore()
        for number in range(60):
            at = second(number // 4)
            traded(data, structs.replace(a_trade(BTC.id, at, ts_event=at), trade_id=f"id-{number}"))
        past = await trades(data, store, second(0), second(12), numbered=False)
        assert {trade.trade_id for trade in store.stored_trades.values()} == {f"id-{number}" for number in range(48)}
        assert past.new == 48
        (covered,) = await store.coverage([BTC.id], start=0, end=2**62, limit=9)
        assert (covered.start, covered.end, covered.cover) == (second(0), second(11), Cover.BACKFILLED)

    async def test_nothing_there_is_no_error(self) -> None:
        assert (await trades(FakeMarketData(BTC), FakeStore(), second(1), second(9))).fetched == 0
