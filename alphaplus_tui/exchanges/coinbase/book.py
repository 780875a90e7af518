"""Keeps of Coinbase's very deep books what is near the best prices."""

from collections.abc import Iterable

from msgspec import Struct

from alphaplus_tui.exchanges.coinbase.frames import LevelRow
from alphaplus_tui.exchanges.shared.book import Book, Rule
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, Levels, Unusable

KEPT = 2000
"""Levels of each side of a snapshot that are kept; a whole one has some ten times as many."""
_FEW = 100
"""With fewer left on a side that was cut, the book is asked for anew."""
_NO_END = float("inf")


class Change(Struct, gc=False):
    bids: Levels
    asks: Levels


class Window:
    """The prices between which a book is known whole; changes beyond are left out, or it would have holes there."""

    def __init__(self) -> None:
        self.lowest, self.highest = 0.0, _NO_END

    def cut(self, rows: Iterable[LevelRow]) -> Change:
        """The nearest levels of a whole book. Raises Unusable for levels that no book has."""
        whole = _split(rows, 0.0, _NO_END)
        bids, asks = sorted(whole.bids, reverse=True), sorted(whole.asks)
        self.lowest = bids[KEPT - 1][0] if len(bids) > KEPT else 0.0
        self.highest = asks[KEPT - 1][0] if len(asks) > KEPT else _NO_END
        return Change(bids[:KEPT], asks[:KEPT])

    def change(self, rows: Iterable[LevelRow]) -> Change:
        """What of a change is near enough. Raises Unusable for levels that no book has."""
        return _split(rows, self.lowest, self.highest)

    def is_worn_out(self, book: Book) -> bool:
        """Whether the market has moved so far that levels beyond the window will soon be wanted."""
        bids_end, asks_end = self.lowest > 0.0, self.highest < _NO_END
        return (bids_end and len(book.bids.prices) < _FEW) or (asks_end and len(book.asks.prices) < _FEW)


def _split(rows: Iterable[LevelRow], lowest: float, highest: float) -> Change:
    bids: list[tuple[float, float]] = []
    asks: list[tuple[float, float]] = []
    for row in rows:
        price, quantity = row.price, row.quantity
        if not (0.0 < price < ABSURD_PRICE and 0.0 <= quantity < ABSURD_QUANTITY):
            raise Unusable(f"level {price!r} × {quantity!r}: cannot be")
        if row.side == "bid":
            if price >= lowest:
                bids.append((price, quantity))
        elif row.side == "offer":
            if price <= highest:
                asks.append((price, quantity))
        else:
            raise Unusable(f"side {row.side[:20]!r}: cannot be")
    return Change(bids, asks)


RULE = Rule(
    # changes carry no number of their own: a loss is noticed by the numbers of the connection
    follow=lambda sequence, _: sequence + 1,
    # the window keeps it small
    kept=1_000_000,
    waits=False,
)
