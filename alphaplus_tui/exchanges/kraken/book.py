"""Keeps what Kraken's checksum is made of beside an order book, and compares."""

from collections.abc import Sequence
from zlib import crc32

from msgspec import Struct

from alphaplus_tui.exchanges.kraken.frames import WrittenLevel
from alphaplus_tui.exchanges.shared.book import Book, BookSide, Rule
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, Unusable

DEPTH = 25
"""Levels of each side that are subscribed to: one of 10, 25, 100, 500, 1000."""
_CHECKED = 10
"""Levels of each side in the checksum, whatever the depth."""

Digits = dict[float, bytes]
"""By price: the digits of price and quantity as they were written, without the point and without leading zeros."""


class Change(Struct, gc=False):
    """A change of a book, or a whole one, with the checksum of the book after it."""

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    checksum: int
    bid_digits: Digits
    ask_digits: Digits


def read_levels(rows: Sequence[WrittenLevel], digits: Digits) -> list[tuple[float, float]]:
    """Prices and quantities of ``rows``; what was written goes into ``digits``. Raises ValueError or Unusable."""
    levels: list[tuple[float, float]] = []
    for row in rows:
        price_text, quantity_text = bytes(row.price), bytes(row.quantity)
        price, quantity = float(price_text), float(quantity_text)
        if not (0.0 < price < ABSURD_PRICE and 0.0 <= quantity < ABSURD_QUANTITY):
            raise Unusable(f"level {price!r} × {quantity!r}: cannot be")
        digits[price] = _digits(price_text) + _digits(quantity_text)
        levels.append((price, quantity))
    return levels


def checksum(book: Book, bid_digits: Digits, ask_digits: Digits) -> int:
    """Of the ten best levels of each side, asks first, best first.

    Source: Kraken, "Book checksum (WebSocket v2)".
    """
    written = [ask_digits.get(price, b"") for price in book.asks.prices[:_CHECKED]]
    written += [bid_digits.get(price, b"") for price in book.bids.prices[: -_CHECKED - 1 : -1]]
    return crc32(b"".join(written))


def forget_gone(digits: Digits, side: BookSide) -> Digits:
    """``digits`` without what is no longer in ``side``, once that is worth it."""
    if len(digits) <= 4 * DEPTH:
        return digits
    return {price: digits[price] for price in side.prices}


def _digits(text: bytes) -> bytes:
    return text.replace(b".", b"", 1).lstrip(b"0")


def _agrees(book: Book, change: Change) -> bool:
    return checksum(book, change.bid_digits, change.ask_digits) == change.checksum


RULE = Rule(
    # nothing is numbered: what was missed shows in the checksum
    follow=lambda sequence, _: sequence + 1,
    agrees=_agrees,
    # the exchange does not say when a level falls out of the depth, and says it anew when it comes back
    kept=DEPTH,
    waits=False,
)
