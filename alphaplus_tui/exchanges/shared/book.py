"""An order book kept from a snapshot and the changes that follow it, by its venue's own rule of sequence."""

from bisect import bisect_left, insort
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Level, OrderBook
from alphaplus_tui.exchanges.shared.parsing import Levels

SHOWN = 25
"""Levels of each side in an ``OrderBook``."""
_WAITING = 3000
"""Changes kept while a snapshot is awaited: five minutes of them."""


class Change(Protocol):
    """A change of a book as the venue's parser has it; its numbers only the venue's rule knows."""

    @property
    def bids(self) -> Levels: ...

    @property
    def asks(self) -> Levels: ...


class Rule(Struct, frozen=True):
    """How a venue's changes follow each other."""

    follow: Callable[[int, Any], int | None]
    """Of the book's sequence and a change: the sequence after it; None when something is missing in between; when it
    is not larger than the book's, the change is old and left out. A venue that does not number adds 1."""
    agrees: Callable[["Book", Any], bool] | None = None
    """Whether the book, after a change, is what the venue says it is (a checksum)."""
    kept: int = 5000
    """Levels of each side that are remembered; the farthest are forgotten first."""
    waits: bool = True
    """Snapshots are asked for while changes come, and may be older than those: they wait for it. False where the
    stream brings the snapshot: then every snapshot is a new beginning, and changes before it are of no use."""


class Outcome(Enum):
    """What a change or a snapshot came to."""

    APPLIED = auto()
    OLD = auto()
    """Known already; nothing changed."""
    WAITING = auto()
    """Kept until the snapshot is there, or left out where it need not be kept."""
    BROKEN = auto()
    """Does not follow, would cross the book, or its checksum is another: a snapshot is needed."""


class BookSide:
    """Prices in order, ascending, with what rests there."""

    __slots__ = ("_ascending", "_kept", "levels", "prices")

    def __init__(self, *, ascending: bool, kept: int = 5000) -> None:
        """ascending: the best price is the lowest, as among asks."""
        self._ascending, self._kept = ascending, kept
        self.prices: list[float] = []
        self.levels: dict[float, Level] = {}

    def replace(self, levels: Levels) -> None:
        self.levels = {price: Level(price, quantity) for price, quantity in levels if quantity > 0.0}
        self.prices = sorted(self.levels)

    def change(self, changes: Levels) -> None:
        levels, prices = self.levels, self.prices
        for price, quantity in changes:
            if quantity > 0.0:
                if price not in levels:
                    insort(prices, price)
                levels[price] = Level(price, quantity)
            elif price in levels:
                del levels[price]
                del prices[bisect_left(prices, price)]
        if len(prices) > self._kept:
            self._forget_farthest()

    @property
    def best(self) -> float | None:
        if not self.prices:
            return None
        return self.prices[0] if self._ascending else self.prices[-1]

    def top(self, count: int) -> tuple[Level, ...]:
        best = self.prices[:count] if self._ascending else self.prices[: -count - 1 : -1]
        levels = self.levels
        return tuple([levels[price] for price in best])

    def _forget_farthest(self) -> None:
        kept = self._kept
        gone = self.prices[kept:] if self._ascending else self.prices[:-kept]
        del self.prices[kept if self._ascending else 0 : None if self._ascending else -kept]
        for price in gone:
            del self.levels[price]


class Book:
    """The order book of one instrument. After BROKEN it is not ``synced``: nothing is known until a snapshot."""

    def __init__(self, instrument: InstrumentId, rule: Rule) -> None:
        self.instrument, self._rule = instrument, rule
        self._next = rule.follow
        self.bids = BookSide(ascending=False, kept=rule.kept)
        self.asks = BookSide(ascending=True, kept=rule.kept)
        self.synced = False
        self.sequence = 0
        self.applied = 0
        self.old = 0
        self._waiting: list[Change] = []

    def forget(self) -> None:
        """Changes were missed, or may have been: nothing is known until the next snapshot."""
        self.synced = False
        self._waiting.clear()

    def snapshot(self, sequence: int, bids: Levels, asks: Levels, said: Change | None = None) -> Outcome:
        """Begin from a snapshot and apply the changes that waited for it. said: what must agree with the book then."""
        if self.synced and sequence <= self.sequence and self._rule.waits:
            return Outcome.OLD
        self.bids.replace(bids)
        self.asks.replace(asks)
        self.sequence, self.synced = sequence, True
        if said is not None and self._rule.agrees is not None and not self._rule.agrees(self, said):
            self.synced = False
            return Outcome.BROKEN
        waiting, self._waiting = self._waiting, []
        for position, change in enumerate(waiting):
            if self._follow(change) is Outcome.BROKEN:
                # a snapshot older than what waits: the next one may do
                self._waiting = waiting[position:]
                return Outcome.BROKEN
        return Outcome.APPLIED if not self._crossed() else Outcome.BROKEN

    def change(self, change: Change) -> Outcome:
        if self.synced:
            outcome = self._follow(change)
            if outcome is Outcome.BROKEN and self._rule.waits:
                self._waiting = [change]
            return outcome
        if self._rule.waits:
            if len(self._waiting) >= _WAITING:
                del self._waiting[0]
            self._waiting.append(change)
        return Outcome.WAITING

    def seen(self, ts_event: int, ts_recv: int) -> OrderBook:
        """The best levels as they are now."""
        return OrderBook(self.instrument, self.bids.top(SHOWN), self.asks.top(SHOWN), self.sequence, ts_event, ts_recv)

    def _follow(self, change: Change) -> Outcome:
        sequence = self._next(self.sequence, change)
        if sequence is None:
            self.synced = False
            return Outcome.BROKEN
        if sequence <= self.sequence:
            self.old += 1
            return Outcome.OLD
        self.bids.change(change.bids)
        self.asks.change(change.asks)
        self.sequence = sequence
        self.applied += 1
        if self._rule.agrees is not None and not self._rule.agrees(self, change):
            self.synced = False
            return Outcome.BROKEN
        return Outcome.BROKEN if self._crossed() else Outcome.APPLIED

    def _crossed(self) -> bool:
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None and bid >= ask:
            self.synced = False
            return True
        return False
