"""The order book is never crossed, holds what takers find, and can be rebuilt from a snapshot and the changes."""

import random
from itertools import pairwise

import pytest

from alphaplus_tui.simulator.book import Changes, Levels, OrderBook
from alphaplus_tui.simulator.instruments import listed

INSTRUMENTS = listed(12)


class Rebuilt:
    """A book kept the way a client keeps it."""

    def __init__(self, update_id: int, bids: Levels, asks: Levels) -> None:
        self.update_id, self.bids, self.asks = update_id, dict(bids), dict(asks)

    def apply(self, changes: Changes) -> None:
        if changes.last_id <= self.update_id:
            return
        assert changes.first_id <= self.update_id + 1
        for side, levels in ((self.bids, changes.bids), (self.asks, changes.asks)):
            for price, lots in levels:
                side[price] = lots
                if not lots:
                    del side[price]
        self.update_id = changes.last_id

    def levels(self) -> tuple[Levels, Levels]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def trade(book: OrderBook, chance: random.Random, price: int) -> None:
    bought, lots = chance.random() < 0.5, chance.randint(1, 5000)
    book.lead(price, bought=bought, lots=lots)
    best = book.best()
    assert (best.ask if bought else best.bid) == price
    assert (best.ask_lots if bought else best.bid_lots) >= lots
    book.consume(price, bought=bought, lots=lots)


@pytest.mark.parametrize("index", [0, 4, 5])
def test_a_snapshot_and_the_changes_give_the_book_which_is_never_crossed(index: int) -> None:
    chance = random.Random(index)
    instrument = INSTRUMENTS[index]
    price = round(instrument.level * 10**instrument.price_decimals)
    book = OrderBook(instrument, price, 7, 1000)
    fast = slow = None
    for step in range(3000):
        price += round(chance.gauss(0, price * 1e-4))
        trade(book, chance, price)
        book.stir()
        best = book.best()
        assert best.bid < best.ask
        if step == 100:
            snapshot = book.update_id, book.bids.levels(9999), book.asks.levels(9999)
            fast, slow = Rebuilt(*snapshot), Rebuilt(*snapshot)
        if step % 7 == 0:
            changes = book.changes(slowly=False)
            if fast and changes:
                fast.apply(changes)
                assert fast.update_id == book.update_id
                assert fast.levels() == (book.bids.levels(9999), book.asks.levels(9999))
        if step % 70 == 0:
            changes = book.changes(slowly=True)
            if slow and changes:
                slow.apply(changes)
                assert slow.levels() == (book.bids.levels(9999), book.asks.levels(9999))


def test_levels_are_ordered_from_the_best() -> None:
    book = OrderBook(INSTRUMENTS[0], 6_000_000, 7, 1)
    assert all(better > worse for (better, _), (worse, _) in pairwise(book.bids.levels(50)))
    assert all(better < worse for (better, _), (worse, _) in pairwise(book.asks.levels(50)))
    assert len(book.bids.levels(50)) == 50


def test_nothing_changed_gives_no_changes() -> None:
    book = OrderBook(INSTRUMENTS[0], 6_000_000, 7, 1)
    book.changes(slowly=False)
    assert book.changes(slowly=False) is None


def test_update_ids_of_changes_join_without_a_hole() -> None:
    chance = random.Random(1)
    book = OrderBook(INSTRUMENTS[1], 310_000, 7, 500)
    last_id = 500
    for _ in range(200):
        trade(book, chance, 310_000 + chance.randint(-50, 50))
        changes = book.changes(slowly=False)
        assert changes is not None
        assert changes.first_id == last_id + 1
        last_id = changes.last_id


def test_a_book_at_the_lowest_prices_still_has_two_sides() -> None:
    chance = random.Random(1)
    book = OrderBook(INSTRUMENTS[4], 12, 7, 1)
    for _ in range(300):
        trade(book, chance, chance.randint(2, 30))
        book.stir()
        best = book.best()
        assert 1 <= best.bid < best.ask
