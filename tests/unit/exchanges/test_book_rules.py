"""Whatever a connection does to the changes of a book, what is shown is the exchange's book at that number."""

from asyncio import create_task, wait
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import OrderBook
from alphaplus_tui.exchanges.binance.frames import DepthData, FuturesDepthData
from alphaplus_tui.exchanges.binance.kinds import SPOT, USD_M
from alphaplus_tui.exchanges.bybit.frames import BookData
from alphaplus_tui.exchanges.bybit.parser import BOOK_RULE
from alphaplus_tui.exchanges.shared.book import SHOWN, Rule
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.parsing import Events, Levels
from alphaplus_tui.exchanges.shared.resubscribe import Resubscriptions
from tests.fakes.clock import FakeClock

BTC = Instrument("x", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.1, 0.1)
Make = Callable[[int, int, Levels, Levels], Any]
"""A venue's change: the number before it, its own number, bids, asks."""


def a_spot_change(before: int, number: int, bids: Levels, asks: Levels) -> DepthData:
    return DepthData("BTCUSDT", 0, before + 1, number, [*bids], [*asks])


def a_futures_change(before: int, number: int, bids: Levels, asks: Levels) -> FuturesDepthData:
    return FuturesDepthData("BTCUSDT", 0, before + 2, number, before, [*bids], [*asks])


def a_bybit_change(before: int, number: int, bids: Levels, asks: Levels) -> BookData:
    return BookData("BTCUSDT", number, [*bids], [*asks])


@dataclass
class Exchange:
    """A market that moves, so that a change left out soon shows as a crossed book; it remembers every book."""

    make: Make
    step: int
    """Between the numbers of two changes."""
    random: Random
    number: int = 100
    middle: float = 1000.0
    bids: dict[float, float] = field(default_factory=dict[float, float])
    asks: dict[float, float] = field(default_factory=dict[float, float])
    books: dict[int, tuple[list[tuple[float, float]], list[tuple[float, float]]]] = field(
        default_factory=dict[int, tuple[list[tuple[float, float]], list[tuple[float, float]]]]
    )

    def change(self) -> Any:
        self.middle += self.random.choice([-3.0, -1.0, 0.0, 1.0, 3.0])
        bids = {price: 0.0 for price in self.bids if price >= self.middle}
        asks = {price: 0.0 for price in self.asks if price <= self.middle}
        bids[self.middle - self.random.randint(1, 4)] = float(self.random.randint(1, 9))
        asks[self.middle + self.random.randint(1, 4)] = float(self.random.randint(1, 9))
        for mine, changes in ((self.bids, bids), (self.asks, asks)):
            mine.update(changes)
            for price in [price for price, quantity in mine.items() if not quantity]:
                del mine[price]
        before, self.number = self.number, self.number + self.step
        self.books[self.number] = self.best()
        return self.make(before, self.number, [*bids.items()], [*asks.items()])

    def best(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        return sorted(self.bids.items(), reverse=True)[:SHOWN], sorted(self.asks.items())[:SHOWN]

    def snapshot(self) -> tuple[int, Levels, Levels]:
        return self.number, [*self.bids.items()], [*self.asks.items()]


class Desk:
    """Notes who needs a snapshot."""

    def __init__(self) -> None:
        self.needed = True

    def need(self, instrument: Instrument) -> None:
        self.needed = True

    def have(self, instrument: Instrument) -> None:
        self.needed = False


VENUES = [
    pytest.param(SPOT.book_rule, a_spot_change, 3, id="Binance spot"),
    pytest.param(USD_M.book_rule, a_futures_change, 7, id="Binance futures"),
    pytest.param(BOOK_RULE, a_bybit_change, 1, id="Bybit"),
]
ACTIONS = ("tell", "tell", "tell", "tell", "lose", "twice", "late", "snapshot", "old snapshot")


@pytest.mark.parametrize(("rule", "make", "step"), VENUES)
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=5, max_size=60), seed=st.integers(0, 10**6))
def test_what_is_shown_is_the_exchange_s_book_at_that_number(
    rule: Rule, make: Make, step: int, actions: list[str], seed: int
) -> None:
    exchange, desk = Exchange(make, step, Random(seed)), Desk()
    books = Books((BTC,), rule, desk)
    change, shown, late, older = books.change_of(BTC), list[OrderBook](), list[Any](), exchange.snapshot()

    def told(events: Events) -> None:
        shown.extend(event for event in events if isinstance(event, OrderBook))

    def begin_from(snapshot: tuple[int, Levels, Levels]) -> None:
        number, bids, asks = snapshot
        told(books.snapshot(BTC, number, bids, asks, ts_event=0, ts_recv=0))

    for action in actions:
        match action:
            case "tell":
                told(change(exchange.change(), 0, 0))
            case "twice":
                again = exchange.change()
                told(change(again, 0, 0))
                told(change(again, 0, 0))
            case "late":
                late.append(exchange.change())
            case "lose":
                exchange.change()
            case "old snapshot" if rule.waits:
                begin_from(older)
            case _:
                begin_from(exchange.snapshot())
                older = exchange.snapshot()
        if late and action == "tell":
            told(change(late.pop(), 0, 0))
    for book in shown:
        wanted = exchange.books.get(book.sequence)
        if wanted is None:
            continue  # before the first change
        assert [(level.price, level.quantity) for level in book.bids] == wanted[0]
        assert [(level.price, level.quantity) for level in book.asks] == wanted[1]
    # and a book that was lost comes back with the next snapshot and the changes after it
    begin_from(exchange.snapshot())
    told(change(exchange.change(), 0, 0))
    assert shown[-1].sequence == exchange.number
    assert not desk.needed


def a_queue(clock: FakeClock) -> tuple[Resubscriptions, list[float]]:
    asked: list[float] = []

    async def resubscribe(instrument: Instrument) -> None:
        asked.append(clock.monotonic())

    return Resubscriptions(resubscribe, clock=clock, rng=Random(3)), asked


async def test_a_broken_book_is_subscribed_to_anew_at_once_and_then_less_and_less_often() -> None:
    clock = FakeClock()
    queue, asked = a_queue(clock)
    working = create_task(queue.work())
    began = clock.monotonic()
    queue.need(BTC)
    queue.need(BTC)
    await clock.advance(0.2)
    assert asked == [began]
    await clock.advance(300.0)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert min(waits) >= 2.0
    assert max(waits) <= 32.2
    assert 8 < len(asked) < 40
    queue.have(BTC)
    count = len(asked)
    await clock.advance(100.0)
    assert len(asked) == count
    queue.need(BTC)
    await clock.advance(0.2)
    assert len(asked) == count + 1
    working.cancel()
    await wait({working})


async def test_a_book_that_breaks_again_and_again_is_not_pressed() -> None:
    clock = FakeClock()
    queue, asked = a_queue(clock)
    working = create_task(queue.work())
    for _ in range(100):
        queue.need(BTC)
        await clock.advance(0.5)
        queue.have(BTC)
    assert len(asked) < 40
    working.cancel()
    await wait({working})


async def test_a_book_that_was_sound_for_a_moment_is_asked_for_within_a_second_however_often_it_broke() -> None:
    clock = FakeClock()
    queue, asked = a_queue(clock)
    working = create_task(queue.work())
    for _ in range(40):
        count, began = len(asked), clock.monotonic()
        queue.need(BTC)
        for _ in range(12):
            await clock.advance(0.1)
        assert len(asked) == count + 1
        assert asked[-1] - began <= 1.1
        queue.have(BTC)
        await clock.advance(1.5)
    working.cancel()
    await wait({working})
