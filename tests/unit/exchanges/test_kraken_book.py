"""Order books that Kraken's checksum vouches for."""

from alphaplus_tui.exchanges.kraken.book import forget_gone
from alphaplus_tui.exchanges.shared.book import BookSide
from tests.unit.exchanges.kraken_frames import (
    ALGO,
    ASKS,
    BIDS,
    SNAPSHOT,
    SNAPSHOT_CHECKSUM,
    UPDATE,
    Desk,
    book_frame,
    checksum_of,
)

DOCUMENTED_BIDS = (
    "45283.5 0.10000000", "45283.4 1.54582015", "45282.1 0.10000000", "45281.0 0.10000000", "45280.3 1.54592586",
    "45279.0 0.07990000", "45277.6 0.03310103", "45277.5 0.30000000", "45277.3 1.54602737", "45276.6 0.15445238",
)  # fmt: skip
DOCUMENTED_ASKS = (
    "45285.2 0.00100000", "45286.4 1.54571953", "45286.6 1.54571109", "45289.6 1.54560911", "45290.2 0.15890660",
    "45291.8 1.54553491", "45294.7 0.04454749", "45296.1 0.35380000", "45297.5 0.09945542", "45299.5 0.18772827",
)  # fmt: skip
DOCUMENTED_CHECKSUM = 3310070434


def test_the_documented_example_agrees() -> None:
    frame = book_frame(DOCUMENTED_BIDS, DOCUMENTED_ASKS, checksum=DOCUMENTED_CHECKSUM, symbol="BTC/USD", snapshot=True)
    (book,) = Desk().read(frame)
    assert (book.bids[0].price, book.asks[0].price) == (45283.5, 45285.2)


def test_the_order_in_which_levels_are_written_does_not_matter() -> None:
    frame = book_frame(
        DOCUMENTED_BIDS[::-1], DOCUMENTED_ASKS[::-1], checksum=DOCUMENTED_CHECKSUM, symbol="BTC/USD", snapshot=True
    )
    assert Desk().read(frame)


def test_a_snapshot_with_another_checksum_is_not_shown_and_asked_for_again() -> None:
    desk = Desk()
    assert desk.read(SNAPSHOT.replace(str(SNAPSHOT_CHECKSUM), "1")) == ()
    assert desk.needs.needed == [ALGO]
    assert not desk.books.of(ALGO.id).synced


def test_a_change_that_was_missed_shows_in_the_next_checksum_and_nothing_is_shown_until_a_snapshot() -> None:
    desk = Desk()
    desk.read(SNAPSHOT)
    bids = ("0.12295 5.00000000", *BIDS)
    missed = ("0.12296 7.00000000", *bids)
    assert desk.read(book_frame(missed[1:2], checksum=checksum_of(missed, ASKS))) == ()
    assert desk.needs.needed == [ALGO]
    assert desk.read(UPDATE) == ()
    (book,) = desk.read(book_frame(missed, ASKS, checksum=checksum_of(missed, ASKS), snapshot=True))
    assert book.bids[0].price == 0.12296
    assert desk.needs.needed == [ALGO]


def test_digits_that_a_float_cannot_hold_still_agree() -> None:
    bids, asks = ("0.00000712 98765432101234.56789012",), ("0.00000713 12345678909876.54321098",)
    frame = book_frame(bids, asks, checksum=checksum_of(bids, asks), symbol="BTC/USD", snapshot=True)
    assert Desk().read(frame)


def test_a_level_that_falls_out_of_the_depth_is_forgotten_as_the_exchange_forgets_it() -> None:
    desk = Desk()
    bids = tuple(f"{100 - n}.0 1.00000000" for n in range(25))
    asks = tuple(f"{101 + n}.0 1.00000000" for n in range(25))
    desk.read(book_frame(bids, asks, checksum=checksum_of(bids, asks), symbol="BTC/USD", snapshot=True))
    better = ("100.5 2.00000000", *bids[:24])
    (book,) = desk.read(book_frame(better[:1], checksum=checksum_of(better, asks), symbol="BTC/USD"))
    assert len(book.bids) == 25
    assert book.bids[-1].price == 77.0
    # 76.0 was pushed out: when a level goes, the exchange says it anew
    again = (*bids[:24], "76.0 3.00000000")
    change = ("100.5 0.00000000", "76.0 3.00000000")
    (book,) = desk.read(book_frame(change, checksum=checksum_of(again, asks), symbol="BTC/USD"))
    assert (book.bids[-1].price, book.bids[-1].quantity) == (76.0, 3.0)


def test_a_long_life_does_not_remember_the_digits_of_every_price_there_ever_was() -> None:
    side = BookSide(ascending=True, kept=25)
    digits: dict[float, bytes] = {}
    for price in range(1, 1000):
        side.change([(float(price), 1.0)])
        digits = forget_gone(digits | {float(price): b"1"}, side)
        assert len(digits) <= 100
    assert set(side.prices) <= set(digits)


def test_a_crossed_book_is_never_shown_even_when_the_checksum_agrees() -> None:
    desk = Desk()
    desk.read(SNAPSHOT)
    crossing = ("0.12310 1.00000000", *BIDS)
    assert desk.read(book_frame(crossing[:1], checksum=checksum_of(crossing, ASKS))) == ()
    assert desk.needs.needed == [ALGO]
