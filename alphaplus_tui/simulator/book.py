"""One instrument's order book, led by the trades: never crossed, each change counted by an update id."""

import random
from bisect import bisect_left, insort
from dataclasses import dataclass

from alphaplus_tui.simulator.instruments import Instrument

_FEWEST, _MOST = 150, 400
_START = 250
_SIZES = tuple(map(random.Random(1).lognormvariate, (0.0,) * 1024, (1.1,) * 1024))  # noqa: S311  a market, not a secret
"""Relative quantities to draw from."""

Levels = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Best:
    """The top of the book: prices in ticks, quantities in lots."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in the book, with the first and the last update id."""

    first_id: int
    last_id: int
    bids: Levels
    asks: Levels


class Side:
    """The bids (``sign`` 1) or asks (-1), kept so that the best level is the last of the list.

    Levels are stored as ``sign * price``, ascending, so both sides are the same code.
    """

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.lots: dict[int, int] = {}
        self.changed: dict[int, int] = {}
        self.changed_slowly: dict[int, int] = {}

    def put(self, key: int, lots: int) -> None:
        if key not in self.lots:
            insort(self.keys, key)
        self.lots[key] = lots
        self.changed[key] = lots

    def drop(self, key: int) -> None:
        del self.keys[bisect_left(self.keys, key)]
        self._gone(key)

    def drop_best(self) -> None:
        self._gone(self.keys.pop())

    def drop_worst(self) -> None:
        self._gone(self.keys.pop(0))

    def _gone(self, key: int) -> None:
        del self.lots[key]
        self.changed[key] = 0

    def levels(self, limit: int) -> Levels:
        """Price and quantity, best first."""
        return [(abs(key), self.lots[key]) for key in reversed(self.keys[-limit:])]

    def take_changes(self, *, slowly: bool) -> Levels:
        """What changed since the last call, best first; ``slowly`` has a memory of its own."""
        if slowly:
            changed, self.changed_slowly = self.changed_slowly, {}
        else:
            changed, self.changed = self.changed, {}
            self.changed_slowly |= changed
        return [(abs(key), changed[key]) for key in sorted(changed, reverse=True)]


class OrderBook:
    """Both sides, changed by trades and by quotes that come and go."""

    def __init__(self, instrument: Instrument, price: int, seed: int, update_id: int) -> None:
        self.instrument = instrument
        self.update_id = update_id
        self._flushed = [update_id, update_id]
        self._random = random.Random(f"{seed} {instrument.symbol}")  # noqa: S311  likewise
        self._gap = max(1, round(instrument.level * 10**instrument.price_decimals * 1.5e-5))
        self._typical = max(20, round(2500 / (instrument.level * instrument.lot)))
        self.bids, self.asks = Side(1), Side(-1)
        for side, best in ((self.bids, max(price - 1, 1)), (self.asks, -price)):
            side.lots[best] = self._lots()
            side.keys.append(best)
            self._extend(side, _START)
            side.changed.clear()

    def best(self) -> Best:
        bid, ask = self.bids.keys[-1], self.asks.keys[-1]
        return Best(bid, self.bids.lots[bid], -ask, self.asks.lots[ask])

    def lead(self, price: int, *, bought: bool, lots: int) -> None:
        """Move so that ``price`` is the best a taker finds, with at least ``lots`` there."""
        found, other = (self.asks, self.bids) if bought else (self.bids, self.asks)
        key = found.sign * price
        while found.keys and found.keys[-1] > key:
            found.drop_best()
            self.update_id += 1
        if found.lots.get(key, 0) < lots:
            self._put(found, key, lots + self._lots())
        limit = other.sign * price
        while other.keys and other.keys[-1] >= limit:
            other.drop_best()
            self.update_id += 1
        self._close_up(other, limit - 1)
        for side in (found, other):
            if len(side.keys) < _FEWEST:
                self._extend(side, _START)
            while len(side.keys) > _MOST:
                side.drop_worst()
                self.update_id += 1

    def consume(self, price: int, *, bought: bool, lots: int) -> None:
        """Take ``lots`` away from the best level, at ``price``."""
        side = self.asks if bought else self.bids
        key = side.sign * price
        left = side.lots[key] - lots
        if left > 0:
            self._put(side, key, left)
        else:
            side.drop_best()
            self.update_id += 1

    def stir(self) -> None:
        """Let a few quotes come, go and change, mostly near the top."""
        chance = self._random.random
        for side in (self.bids, self.asks):
            if chance() > 0.3 + 0.007 * self.instrument.activity:
                continue
            depth = min(int(self._random.expovariate(0.2)) + 1, len(side.keys))
            key = side.keys[-depth]
            if depth > 1 and chance() < 0.3:
                side.drop(key)
                self.update_id += 1
            elif depth > 1 and chance() < 0.45:
                near = key - self._random.randint(0, self._gap)
                self._put(side, key if side.sign > 0 and near < 1 else near, self._lots())
            else:
                self._put(side, key, self._lots())

    def changes(self, *, slowly: bool) -> Changes | None:
        """What changed since the last call (the fast changes are to be taken first), None when nothing did."""
        first = self._flushed[slowly] + 1
        if self.update_id < first:
            return None
        self._flushed[slowly] = self.update_id
        bids, asks = self.bids.take_changes(slowly=slowly), self.asks.take_changes(slowly=slowly)
        return Changes(first, self.update_id, bids, asks)

    def _put(self, side: Side, key: int, lots: int) -> None:
        side.put(key, lots)
        self.update_id += 1

    def _close_up(self, side: Side, best: int) -> None:
        """Fill the gap between ``best`` and what is left of a side."""
        key, room = best, 12
        if not side.keys or side.keys[-1] < best:
            self._put(side, best, self._lots())
        below = side.keys[-2] if len(side.keys) > 1 else best - 12 * self._gap
        while room and key - self._gap > below:
            key -= self._step()
            if key <= below or (side.sign > 0 and key < 1):
                break
            self._put(side, key, self._lots())
            room -= 1

    def _extend(self, side: Side, count: int) -> None:
        """Add levels at the far end; bids end at the lowest price there is."""
        key = side.keys[0]
        added: list[int] = []
        for _ in range(count - len(side.keys)):
            key -= self._step()
            if side.sign > 0 and key < 1:
                break
            added.append(key)
            side.lots[key] = side.changed[key] = self._lots()
        side.keys[:0] = reversed(added)
        self.update_id += len(added)

    def _step(self) -> int:
        """How far the next level is away."""
        return 1 + int(self._random.random() * 2 * self._gap)

    def _lots(self) -> int:
        return 1 + int(self._typical * _SIZES[int(self._random.random() * len(_SIZES))])
