"""Order books by Binance's sequence rule."""

from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Level
from alphaplus_tui.exchanges.binance.frames import DepthData
from alphaplus_tui.exchanges.binance.kinds import SPOT
from alphaplus_tui.exchanges.shared.book import SHOWN, Book, BookSide, Outcome

Levels = list[tuple[float, float]]

IDENTITY = InstrumentId("binance:BTC/USDT")


def a_change(first: int, last: int, bids: Levels | None = None, asks: Levels | None = None) -> DepthData:
    return DepthData("BTCUSDT", 0, first, last, bids or [], asks or [])


def a_snapshot(last: int) -> tuple[int, Levels, Levels]:
    return last, [(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 2.0)]


def a_synced_book() -> Book:
    book = Book(IDENTITY, SPOT.book_rule)
    assert book.snapshot(*a_snapshot(10)) is Outcome.APPLIED
    return book


def test_changes_that_came_before_the_snapshot_are_dropped_or_applied_by_their_numbers() -> None:
    book = Book(IDENTITY, SPOT.book_rule)
    outcomes = [
        book.change(a_change(5, 7, bids=[(99.0, 7.0)])),
        book.change(a_change(8, 12, bids=[(99.0, 12.0)])),
        book.change(a_change(13, 13, asks=[(101.0, 0.0)])),
    ]
    assert outcomes == [Outcome.WAITING] * 3
    assert book.snapshot(*a_snapshot(10)) is Outcome.APPLIED
    seen = book.seen(1, 2)
    assert seen.bids == (Level(99.0, 12.0), Level(98.0, 2.0))
    assert seen.asks == (Level(102.0, 2.0),)
    assert (seen.sequence, book.old, book.applied) == (13, 1, 2)


def test_a_change_that_does_not_follow_asks_for_a_snapshot_and_waits_for_it() -> None:
    book = a_synced_book()
    assert book.change(a_change(12, 12, bids=[(99.0, 5.0)])) is Outcome.BROKEN
    assert not book.synced
    assert book.change(a_change(13, 13)) is Outcome.WAITING
    assert book.snapshot(*a_snapshot(11)) is Outcome.APPLIED
    assert book.sequence == 13
    assert book.seen(0, 0).bids[0] == Level(99.0, 5.0)


def test_a_snapshot_older_than_what_waits_is_not_enough() -> None:
    book = Book(IDENTITY, SPOT.book_rule)
    book.change(a_change(50, 52, bids=[(99.5, 1.0)]))
    assert book.snapshot(*a_snapshot(10)) is Outcome.BROKEN
    assert not book.synced
    assert book.snapshot(*a_snapshot(50)) is Outcome.APPLIED
    assert book.seen(0, 0).bids[0] == Level(99.5, 1.0)


def test_an_old_change_alters_nothing() -> None:
    book = a_synced_book()
    assert book.change(a_change(9, 10, bids=[(99.0, 0.0)])) is Outcome.OLD
    assert book.seen(0, 0).bids[0] == Level(99.0, 1.0)


def test_a_crossed_book_is_never_shown() -> None:
    book = a_synced_book()
    assert book.change(a_change(11, 11, bids=[(101.0, 1.0)])) is Outcome.BROKEN
    assert not book.synced
    assert book.snapshot(20, [(101.0, 1.0)], [(101.0, 1.0)]) is Outcome.BROKEN


def test_after_a_loss_nothing_is_known_until_the_next_snapshot() -> None:
    book = a_synced_book()
    book.forget()
    assert book.change(a_change(11, 11)) is Outcome.WAITING


def test_what_waits_for_a_snapshot_is_bounded() -> None:
    book = Book(IDENTITY, SPOT.book_rule)
    for number in range(10_000):
        book.change(a_change(number, number, bids=[(1.0 + number / 1e6, 1.0)]))
    assert book.snapshot(*a_snapshot(9_998)) is Outcome.APPLIED
    assert book.applied == 1


def test_only_the_farthest_levels_of_a_huge_side_are_forgotten() -> None:
    for ascending, best in ((True, 1.0), (False, 8000.0)):
        side = BookSide(ascending=ascending)
        side.change([(float(price), 1.0) for price in range(1, 8001)])
        assert side.best == best
        assert len(side.prices) == len(side.levels) == 5000
        assert side.top(1) == (Level(best, 1.0),)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 60).map(float), st.sampled_from([0.0, 1.0, 2.5])), max_size=8), max_size=40
    ),
    st.booleans(),
)
def test_a_side_equals_a_plain_dictionary_sorted(changes: list[Levels], ascending: bool) -> None:
    side, plain = BookSide(ascending=ascending), dict[float, float]()
    for change in changes:
        side.change(change)
        for price, quantity in change:
            if quantity:
                plain[price] = quantity
            else:
                plain.pop(price, None)
    best_first = sorted(plain.items(), reverse=not ascending)
    assert side.top(SHOWN) == tuple(Level(*level) for level in best_first[:SHOWN])
