"""What readers of frames share: their errors, and what no market can say."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from alphaplus_tui.domain.text import clean
from alphaplus_tui.ports.market_data import FeedEvent

Events = tuple[FeedEvent, ...]
Levels = Sequence[tuple[float, float]]
"""Price and quantity; in a change of a book quantity 0 removes the level."""

DAY_NS = 86_400_000_000_000
LARGEST_FRAME = 4 * 2**20
"""Bytes; what is larger is refused unread."""
LARGEST_ID = 2**63 - 1
"""JSON knows no bound; whoever stores a number does."""
ABSURD_PRICE = 1e13
ABSURD_QUANTITY = 1e16

_MICROSECONDS_FROM = 10**14
_NANOSECONDS_FROM = 10**17


class Unusable(Exception):
    """A frame that must not be believed; the text says why."""


class NotAskedFor(Unusable):
    """A frame of a stream that nobody subscribed to."""


class NotMarketData(Exception):
    """A frame of another kind, such as an answer to a request."""


class FrameParser(Protocol):
    """Reads the frames of one connection."""

    def read(self, frame: bytes, ts_recv: int) -> Events:
        """What ``frame`` says; ``ts_recv``: UTC ns of its receipt.

        Raises Unusable, or NotMarketData for frames of other kinds; nothing else, whatever comes.
        """
        ...


def to_ns(time: int) -> int:
    """UTC ns of a time in ms, µs or ns since 1970; the magnitude tells which."""
    if time < _MICROSECONDS_FROM:
        return time * 1_000_000
    return time * 1_000 if time < _NANOSECONDS_FROM else time


def moment(time: int, ts_recv: int) -> int:
    """UTC ns of the exchange's ``time`` in ms, µs or ns. Raises Unusable when it is more than a day off."""
    return near(to_ns(time), ts_recv)


def near(ts_event: int, ts_recv: int) -> int:
    """``ts_event`` (UTC ns). Raises Unusable when it is more than a day off."""
    if not -DAY_NS < ts_event - ts_recv < DAY_NS:
        raise Unusable(f"time {ts_event!r} ns is more than a day off")
    return ts_event


def check_trade(price: float, quantity: float) -> None:
    """Raises Unusable for numbers that no trade has."""
    if not (0.0 < price < ABSURD_PRICE and 0.0 < quantity < ABSURD_QUANTITY):
        raise Unusable(f"price {price!r}, quantity {quantity!r}: cannot be")


def check_best(bid: float, bid_quantity: float, ask: float, ask_quantity: float) -> None:
    """Raises Unusable for numbers that best prices never are."""
    if not (
        0.0 < bid < ask < ABSURD_PRICE
        and 0.0 <= bid_quantity < ABSURD_QUANTITY
        and 0.0 <= ask_quantity < ABSURD_QUANTITY
    ):
        raise Unusable(f"bid {bid!r}, ask {ask!r}: cannot be")


def check_day(prices: Iterable[tuple[str, float]], volume: float, quote_volume: float) -> None:
    """prices: what each is called, and it. Raises Unusable for numbers that a day never has."""
    for name, value in prices:
        if not 0.0 < value < ABSURD_PRICE:
            raise Unusable(f"{name} {value!r}: cannot be")
    if not (0.0 <= volume < ABSURD_QUANTITY and 0.0 <= quote_volume < ABSURD_PRICE * 1e6):
        raise Unusable(f"volume {volume!r}, {quote_volume!r}: cannot be")


def check_levels(levels: Levels) -> None:
    """Raises Unusable for levels that no book has."""
    for price, quantity in levels:
        if not (0.0 < price < ABSURD_PRICE and 0.0 <= quantity < ABSURD_QUANTITY):
            raise Unusable(f"level {price!r} × {quantity!r}: cannot be")


def another(found: str, wanted: str) -> str:
    """The complaint about a frame of one instrument in the stream of another."""
    return f"symbol {clean(found, limit=40)!r} in a stream of {wanted}"
