"""Candles of a timeframe that is not stored are made of those that are."""

import pytest
from msgspec import structs

from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services import stored_candles
from alphaplus_tui.services.stored_candles import candle_pages, newest_candles
from tests.contracts.test_store_contract import BTC, FOREVER, NOON, candle
from tests.fakes.store import FakeStore

M5, M15 = Timeframe("5m"), Timeframe("15m")


async def a_store(minutes: range, *, without: range = range(0)) -> FakeStore:
    store = FakeStore()
    await store.register([BTC])
    await store.write(Batch(candles=tuple(candle(n) for n in minutes if n not in without)))
    return store


async def pages(store: FakeStore, timeframe: Timeframe, *, start: int = 0, end: int = FOREVER) -> list[Candle]:
    found: list[Candle] = []
    async for page in candle_pages(store, BTC.id, timeframe, start=start, end=end, page=7):
        found += page
    return found


def minutes_of(candles: "list[Candle] | tuple[Candle, ...]") -> list[int]:
    return [(candle.open_time - NOON) // MINUTE_NS for candle in candles]


async def test_pages_of_what_is_stored_are_as_stored() -> None:
    store = await a_store(range(30))
    assert minutes_of(await pages(store, Timeframe("1m"), end=NOON + 20 * MINUTE_NS)) == list(range(20))


async def test_pages_of_what_is_not_stored_have_every_whole_candle_once() -> None:
    store = await a_store(range(-3, 63), without=range(21, 22))
    assert minutes_of(await pages(store, M5)) == [0, 5, 10, 15, 25, 30, 35, 40, 45, 50, 55]
    assert minutes_of(await pages(store, M15, end=NOON + 31 * MINUTE_NS)) == [0, 30]
    assert minutes_of(await pages(store, M5, start=NOON + 21 * MINUTE_NS, end=NOON + 31 * MINUTE_NS)) == [25, 30]


async def test_a_stored_timeframe_is_not_made_anew() -> None:
    store = await a_store(range(60))
    own = structs.replace(candle(0, close=9.0), timeframe=M15)
    await store.write(Batch(candles=(own,)))
    assert await pages(store, M15) == [own]
    assert await newest_candles(store, BTC.id, M15, start=0, end=FOREVER, limit=9) == (own,)


@pytest.mark.parametrize("page", [10, 12, 10_000])
async def test_the_newest_are_found_across_pages_and_holes(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(stored_candles, "PAGE", page)
    store = await a_store(range(200), without=range(52, 168))

    async def newest(limit: int, end: int = FOREVER) -> list[int]:
        return minutes_of(await newest_candles(store, BTC.id, M5, start=NOON, end=end, limit=limit))

    assert await newest(3) == [185, 190, 195]
    assert await newest(8) == [40, 45, *range(170, 200, 5)]
    assert await newest(1000) == [*range(0, 50, 5), *range(170, 200, 5)]
    assert await newest(2, end=NOON + 46 * MINUTE_NS) == [40, 45]


async def test_without_anything_to_make_them_of_there_are_none() -> None:
    store = await a_store(range(3))
    assert await pages(store, Timeframe("1s")) == []
    assert await newest_candles(store, BTC.id, Timeframe("1s"), start=0, end=FOREVER, limit=9) == ()
    assert await newest_candles(store, BTC.id, M5, start=0, end=FOREVER, limit=9) == ()
