"""An order book kept from a snapshot and the changes that follow it, by Binance's sequence rule."""

from bisect import bisect_left, insort
from enum import Enum, auto

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Level, OrderBook
from alphaplus_tui.exchanges.binance.frames import DepthData, Levels, SnapshotData

SHOWN = 25
"""Levels of each side in an ``OrderBook``."""
_KEPT = 5000
"""Levels of each side that are remembered; the farthest are forgotten first."""
_WAITING = 3000
"""Changes kept while a snapshot is awaited: five minutes of them."""


class Outcome(Enum):
    """What a change or a snapshot came to."""

    APPLIED = auto()
    OLD = auto()
    """Known already; nothing changed."""
    WAITING = auto()
    """Kept until the snapshot is there."""
    BROKEN = auto()
    """Does not follow, or would cross the book: a snapshot is needed."""


class BookSide:
    """Prices in order, ascending, with what rests there."""

    __slots__ = ("_ascending", "levels", "prices")

    def __init__(self, *, ascending: bool) -> None:
        """ascending: the best price is the lowest, as among asks."""
        self._ascending = ascending
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
        if len(prices) > _KEPT:
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
        gone = self.prices[_KEPT:] if self._ascending else self.prices[:-_KEPT]
        del self.prices[_KEPT if self._ascending else 0 : None if self._ascending else -_KEPT]
        for price in gone:
            del self.levels[price]


class Book:
    """The order book of one instrument.

    Source of the rule: Binance spot API, "How to manage a local order book correctly": changes up to the snapshot's
    number are old; the first one applied holds the number after it; each further one begins where the last ended.
    """

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.bids = BookSide(ascending=False)
        self.asks = BookSide(ascending=True)
        self.synced = False
        self.sequence = 0
        self.applied = 0
        self.old = 0
        self._waiting: list[DepthData] = []

    def forget(self) -> None:
        """Changes were missed, or may have been: nothing is known until the next snapshot."""
        self.synced = False
        self._waiting.clear()

    def snapshot(self, snapshot: SnapshotData) -> Outcome:
        """Begin from ``snapshot`` and apply the changes that waited for it."""
        if self.synced and snapshot.last_update_id <= self.sequence:
            return Outcome.OLD
        self.bids.replace(snapshot.bids)
        self.asks.replace(snapshot.asks)
        self.sequence, self.synced = snapshot.last_update_id, True
        waiting, self._waiting = self._waiting, []
        for position, change in enumerate(waiting):
            if self._follow(change) is Outcome.BROKEN:
                # a snapshot older than what waits: the next one may do
                self._waiting = waiting[position:]
                return Outcome.BROKEN
        return Outcome.APPLIED if not self._crossed() else Outcome.BROKEN

    def change(self, change: DepthData) -> Outcome:
        if self.synced:
            outcome = self._follow(change)
            if outcome is not Outcome.BROKEN:
                return outcome
            self._waiting = [change]
            return Outcome.BROKEN
        if len(self._waiting) >= _WAITING:
            del self._waiting[0]
        self._waiting.append(change)
        return Outcome.WAITING

    def seen(self, ts_event: int, ts_recv: int) -> OrderBook:
        """The best levels as they are now."""
        return OrderBook(self.instrument, self.bids.top(SHOWN), self.asks.top(SHOWN), self.sequence, ts_event, ts_recv)

    def _follow(self, change: DepthData) -> Outcome:
        if change.last_update_id <= self.sequence:
            self.old += 1
            return Outcome.OLD
        if change.first_update_id > self.sequence + 1:
            self.synced = False
            return Outcome.BROKEN
        self.bids.change(change.bids)
        self.asks.change(change.asks)
        self.sequence = change.last_update_id
        self.applied += 1
        return Outcome.BROKEN if self._crossed() else Outcome.APPLIED

    def _crossed(self) -> bool:
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None and bid >= ask:
            self.synced = False
            return True
        return False
