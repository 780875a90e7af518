"""Lays the trades of one minute so that they add up to the minute's candle, digit for digit."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.simulator.history import MINUTE_MS, START_MS, Day, History, Ints
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.walks import MINUTES, random_for

_OWN_PARENT = 0.35
_CHILD_DELAY_MS = 450.0
_MOVING = 0.35


@dataclass(frozen=True, slots=True)
class Tape:
    """The trades of one minute of one instrument, oldest first; one taker's order is one aggregate trade."""

    time_ms: Ints
    """Of each order, since 1970; shape (orders,)."""
    price: Ints
    """Of each order, in ticks; all its trades share it; shape (orders,)."""
    bought: NDArray[np.bool_]
    """Whether the taker bought, of each order; shape (orders,)."""
    first: Ints
    """Place of each order's first trade among the minute's, and the number of trades; shape (orders + 1,)."""
    lots: Ints
    """Quantity of each trade; shape (trades,)."""
    first_trade_id: int
    first_order_id: int

    def trades_until(self, time_ms: int) -> int:
        """How many of the trades happened at or before ``time_ms``."""
        return int(self.first[np.searchsorted(self.time_ms, time_ms, "right")])


@dataclass(frozen=True, slots=True)
class Value:
    """What a minute's trades were worth, in whole tick-lots."""

    all: int
    bought: int


class Tapes:
    """The tapes of all minutes, laid on request; those of the last million trades are kept."""

    def __init__(self, history: History, *, kept_trades: int = 1_000_000) -> None:
        self._history = history
        self._kept_trades = kept_trades
        self._tapes: OrderedDict[tuple[int, int], Tape] = OrderedDict()
        self._trades = 0
        self._values: OrderedDict[tuple[int, int], Value] = OrderedDict()

    def minute(self, instrument: Instrument, minute: int) -> Tape:
        """The tape of one minute; ``minute`` counts from the market's start."""
        key = (instrument.index, minute)
        found = self._tapes.get(key)
        if found is not None:
            self._tapes.move_to_end(key)
            return found
        number, of_day = divmod(minute, MINUTES)
        random = random_for(self._history.seed, 4, instrument.index, minute)
        found = self._tapes[key] = lay(self._history.day(instrument, number), of_day, random)
        self._trades += len(found.lots)
        while self._trades > self._kept_trades and len(self._tapes) > 1:
            self._trades -= len(self._tapes.popitem(last=False)[1].lots)
        return found

    def value(self, instrument: Instrument, minute: int) -> Value:
        """What one whole minute's trades were worth."""
        key = (instrument.index, minute)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = value_of(self.minute(instrument, minute))
            if len(self._values) > 200_000:
                self._values.popitem(last=False)
        return found


def value_of(tape: Tape) -> Value:
    if not len(tape.lots):
        return Value(0, 0)
    by_order = tape.price * np.add.reduceat(tape.lots, tape.first[:-1])
    return Value(int(by_order.sum()), int(by_order[tape.bought].sum()))


def lay(day: Day, minute: int, random: np.random.Generator) -> Tape:
    """The trades of minute ``minute`` of ``day``, the numbers drawn from ``random``."""
    orders, trades = int(day.orders[minute]), int(day.trades[minute])
    start_ms = START_MS + (day.number * MINUTES + minute) * MINUTE_MS
    first_ids = int(day.first_trade[minute]), int(day.first_order[minute])
    if not orders:
        nothing = np.zeros(0, np.int64)
        return Tape(nothing, nothing, np.zeros(0, np.bool_), np.zeros(1, np.int64), nothing, *first_ids)
    prices = _path(random, day, minute)
    bought = _sides(random, prices, int(day.buys[minute]))
    extra_buys = int(day.buy_trades[minute] - day.buys[minute])
    sizes = np.ones(orders, np.int64)
    sizes[bought] += _spread(random, extra_buys, int(day.buys[minute]))
    sizes[~bought] += _spread(random, trades - orders - extra_buys, orders - int(day.buys[minute]))
    first = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    lots = np.empty(trades, np.int64)
    trade_bought = np.repeat(bought, sizes)
    lots[trade_bought] = _split(random, int(day.buy_volume[minute]), int(day.buy_trades[minute]))
    lots[~trade_bought] = _split(
        random, int(day.volume[minute] - day.buy_volume[minute]), trades - int(day.buy_trades[minute])
    )
    return Tape(start_ms + _times(random, orders), prices, bought, first, lots, *first_ids)


def _times(random: np.random.Generator, orders: int) -> Ints:
    """Milliseconds within the minute, sorted: some orders come alone, the others in clusters behind one."""
    parents = max(1, round(orders * _OWN_PARENT))
    alone = random.uniform(0, MINUTE_MS, parents)
    behind = alone[random.integers(0, parents, orders - parents)]
    behind = (behind + random.exponential(_CHILD_DELAY_MS, orders - parents)) % MINUTE_MS
    return np.sort(np.concatenate((alone, behind)).astype(np.int64))


def _path(random: np.random.Generator, day: Day, minute: int) -> Ints:
    """A price for each order, in ticks: the first the minute's open, the last its close, from its low to its high."""
    orders, opened, close = int(day.orders[minute]), int(day.open[minute]), int(day.close[minute])
    high, low = int(day.high[minute]), int(day.low[minute])
    if orders == 1:
        return np.array([close])
    moving = random.random(orders) < _MOVING
    moving[0], moving[-1] = False, True
    clock = np.cumsum(moving) / moving.sum()
    free = np.cumsum(random.standard_normal(orders) * moving)
    around: NDArray[np.float64] = free - clock * free[-1]
    straight = opened + (close - opened) * clock
    up, down = int(np.argmax(around)), int(np.argmin(around))
    if around[up] > 0:
        around = np.where(around > 0, around * max(high - straight[up], 0.0) / around[up], around)
    if around[down] < 0:
        around = np.where(around < 0, around * min(low - straight[down], 0.0) / around[down], around)
    path = np.clip(np.rint(straight + around), low, high).astype(np.int64)
    path[0], path[-1] = opened, close
    if orders > 2:
        inner = path[1:-1]
        up = int(np.argmax(inner))
        if high > max(opened, close):
            inner[up] = high
        if low < min(opened, close):
            others = inner.astype(np.float64)
            others[up] = np.inf if len(inner) > 1 else others[up]
            inner[int(np.argmin(others))] = low
    return path


def _sides(random: np.random.Generator, prices: Ints, buys: int) -> NDArray[np.bool_]:
    """Exactly ``buys`` of the orders bought, rather those that lifted the price."""
    score = np.sign(np.diff(prices, prepend=prices[:1])) + 0.7 * random.standard_normal(len(prices))
    bought = np.zeros(len(prices), np.bool_)
    bought[np.argsort(score)[len(prices) - buys :]] = True
    return bought


def _spread(random: np.random.Generator, extra: int, over: int) -> Ints:
    """``extra`` things laid at random on ``over`` places."""
    return np.bincount(random.integers(0, over, extra), minlength=over) if extra else np.zeros(over, np.int64)


def _split(random: np.random.Generator, total: int, parts: int) -> Ints:
    """``total`` as the sum of ``parts`` numbers of at least one, few of them large."""
    if not parts:
        return np.zeros(0, np.int64)
    weights = random.lognormal(0.0, 1.4, parts)
    lots = 1 + np.floor((total - parts) * (weights / weights.sum())).astype(np.int64)
    lots[int(np.argmax(lots))] += total - int(lots.sum())
    return lots
