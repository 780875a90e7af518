"""Coinbase's deep books, and the numbers that tell of a loss."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from alphaplus_tui.exchanges.coinbase.book import KEPT
from alphaplus_tui.exchanges.coinbase.numbering import Numbering
from alphaplus_tui.exchanges.shared.parsing import NotMarketData
from tests.unit.exchanges.coinbase_frames import (
    BTC,
    ETH,
    Desk,
    Level,
    book_frame,
    heartbeat,
    snapshot,
    subscribed,
    ticker_frame,
    trades_frame,
)

DEEP: list[Level] = [
    *(("bid", f"{30000 - n}", "1") for n in range(20_000)),
    *(("offer", f"{30001 + n}", "2") for n in range(25_000)),
]


def test_a_snapshot_and_what_changes_it() -> None:
    desk = Desk()
    (book,) = desk.read(snapshot(0))
    assert (book.bids[0].price, book.asks[0].price) == (65083.66, 65083.67)
    change: list[Level] = [("bid", "65083.66", "0"), ("offer", "65083.67", "0.5")]
    (after,) = desk.read(book_frame(change, number=1))
    assert (after.bids[0].price, after.asks[0].quantity) == (65083.27, 0.5)
    assert after.sequence > book.sequence


def test_changes_before_a_snapshot_are_of_no_use() -> None:
    desk = Desk()
    assert desk.read(book_frame([("bid", "1", "1")])) == ()
    assert desk.read(snapshot(1))


def test_a_skipped_number_makes_every_book_of_the_connection_begin_anew() -> None:
    desk = Desk()
    desk.read(snapshot(0))
    # whatever was lost, it may have been a change of a book
    desk.read(trades_frame(5, number=2))
    assert desk.needs.needed == [BTC, ETH]
    assert desk.read(book_frame([("bid", "65083.66", "1")], number=3)) == ()
    (book,) = desk.read(snapshot(4))
    assert book.bids[0].price == 65083.66
    assert desk.needs.needed == [BTC, ETH]


def test_an_answer_that_is_read_before_its_turn_is_no_skip() -> None:
    desk = Desk()
    for early in (subscribed(1, level2=["BTC-USD"]), heartbeat(3)):
        try:
            desk.read(early)
        except NotMarketData:
            continue
    desk.read(snapshot(0))
    desk.read(ticker_frame(2))
    assert desk.read(book_frame([("bid", "65083.66", "1")], number=4))
    assert desk.needs.needed == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_numbers_without_a_hole_are_never_a_loss_however_early_answers_are_read(
    answers: list[bool], random: Random
) -> None:
    numbering, waiting = Numbering(), list[int]()
    for number, is_answer in enumerate(answers):
        if is_answer:
            numbering.read_early(number)
        else:
            waiting.append(number)
        while waiting and random.random() < 0.5:
            assert not numbering.lost(waiting.pop(0))
    assert not any(numbering.lost(number) for number in waiting)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), st.integers(1, 10))
def test_a_hole_is_a_loss_once(before: int, hole: int) -> None:
    numbering = Numbering()
    assert not any(numbering.lost(number) for number in range(before))
    assert numbering.lost(before + hole)
    assert not numbering.lost(before + hole + 1)


def test_of_a_deep_book_only_what_is_near_the_best_prices_is_kept() -> None:
    desk = Desk()
    assert desk.read(snapshot(0, DEEP))
    book = desk.books.of(BTC.id)
    assert (len(book.bids.prices), len(book.asks.prices)) == (KEPT, KEPT)
    far: list[Level] = [("bid", "15000", "9"), ("offer", "45000", "9")]
    desk.read(book_frame(far, number=1))
    assert (len(book.bids.prices), len(book.asks.prices)) == (KEPT, KEPT)


def test_a_market_that_moves_away_from_what_is_known_is_asked_for_anew_before_holes_show() -> None:
    desk = Desk()
    desk.read(snapshot(0, DEEP))
    for eaten in range(1, 2000):
        gone: list[Level] = [("offer", f"{30000 + eaten}", "0"), ("bid", f"{30000 + eaten - 1}", "1")]
        books = desk.read(book_frame(gone, number=eaten))
        if desk.needs.needed:
            break
        assert [level.price for level in books[0].asks] == [30001.0 + eaten + n for n in range(25)]
    else:
        raise AssertionError("never asked for")
    assert desk.needs.needed == [BTC]


def test_a_small_book_need_not_be_asked_for_again() -> None:
    desk = Desk()
    desk.read(snapshot(0))
    assert desk.read(book_frame([("bid", "1.5", "7")], number=1))
    assert desk.books.of(BTC.id).bids.prices[0] == 1.5
    assert desk.needs.needed == []
