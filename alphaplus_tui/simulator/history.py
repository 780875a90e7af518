"""Every minute of every instrument since 2019: a function of the seed and the time alone.

A day of an instrument is a table of 1,440 minutes. A minute's prices, counts and volumes are drawn here, before its
trades: the tape (``tape.py``) then lays trades that add up to exactly this. Each day holds the same number of trades
and of orders, so a trade's id is known without counting the trades before it.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.simulator.impact import Impact
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.kinds import MarketKind
from alphaplus_tui.simulator.walks import COMMON, DAYS, FIRST_DAY, MINUTES, DayWalk, Walk, random_for

Ints = NDArray[np.int64]

DAY_MS = 86_400_000
MINUTE_MS = 60_000
START_MS = FIRST_DAY * DAY_MS
END_MS = START_MS + DAYS * DAY_MS
_ORDERS_PER_TRADE = 0.62
_TRADE_VALUE = 1500.0


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one instrument by minute; prices in ticks, volumes in lots, each of shape (1440,)."""

    number: int
    """Counted from the market's first day."""
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    orders: Ints
    """Takers' orders, each one aggregate trade; at least one in the last minute."""
    buys: Ints
    """Those of them that bought."""
    trades: Ints
    buy_trades: Ints
    volume: Ints
    buy_volume: Ints
    first_order: Ints
    """The id of the minute's first aggregate trade, had it one; shape (1441,)."""
    first_trade: Ints
    """Likewise of its first trade; shape (1441,)."""


class History:
    """The minutes of all instruments, drawn on request; the latest few hundred days are kept."""

    def __init__(
        self, kind: MarketKind, seed: int, rate: float, instruments: tuple[Instrument, ...], *, kept_days: int = 300
    ) -> None:
        self.kind, self.seed, self.instruments = kind, seed, instruments
        self._kept_days = kept_days
        self._days: OrderedDict[tuple[int, int], Day] = OrderedDict()
        self._common = Walk(kind, seed, COMMON, volatility=kind.common_volatility, bound=kind.bound)
        self._common_days: OrderedDict[int, DayWalk] = OrderedDict()
        self._own: dict[int, Walk] = {}
        self._impacts: dict[int, Impact] = {}
        activity = sum(instrument.activity for instrument in instruments)
        shares = (rate * 86_400 * instrument.activity / activity for instrument in instruments)
        self.trades_a_day = tuple(max(MINUTES // 10, round(share)) for share in shares)
        self.orders_a_day = tuple(max(MINUTES // 20, round(n * _ORDERS_PER_TRADE)) for n in self.trades_a_day)

    def day(self, instrument: Instrument, number: int) -> Day:
        """One day; ``number`` counts from the market's first and must lie within the market's life."""
        key = (instrument.index, number)
        found = self._days.get(key)
        if found is None:
            found = self._days[key] = self._draw(instrument, number)
            while len(self._days) > max(self._kept_days, 2 * len(self.instruments) + 64):
                self._days.popitem(last=False)
        else:
            self._days.move_to_end(key)
        return found

    def _common_day(self, number: int) -> DayWalk:
        found = self._common_days.get(number)
        if found is None:
            found = self._common_days[number] = self._common.day(number)
            if len(self._common_days) > 64:
                self._common_days.popitem(last=False)
        return found

    def _own_walk(self, instrument: Instrument) -> Walk:
        found = self._own.get(instrument.index)
        if found is None:
            volatility = self.kind.own_volatility * (0.6 + 0.03 * min(instrument.index, 40))
            found = self._own[instrument.index] = Walk(
                self.kind, self.seed, instrument.index, volatility=volatility, bound=self.kind.bound / 1.5
            )
        return found

    def own_variance(self, instrument: Instrument, number: int) -> float:
        """Mean variance of its own part of a minute's log return on a day."""
        return float(self._own_walk(instrument).day(number).variance.mean())

    def impact(self, instrument: Instrument) -> Impact:
        """What the flow of takers does to its price."""
        found = self._impacts.get(instrument.index)
        if found is None:
            found = self._impacts[instrument.index] = Impact(self.kind, self.seed, instrument.index)
        return found

    def _draw(self, instrument: Instrument, number: int) -> Day:
        own_walk, common = self._own_walk(instrument), self._common_day(number)
        own, impact = own_walk.day(number), self.impact(instrument).day(number)
        beta = 0.9 + 0.01 * min(instrument.index, 50)
        random = random_for(self.seed, 3, instrument.index, number)

        edges = slice(number, number + 2)
        midnights = np.log(instrument.level) + beta * self._common.midnights[edges] + own_walk.midnights[edges]
        midnights += impact.midnights
        returns = beta * common.returns + own.returns
        path = midnights[0] + np.cumsum(returns + impact.drift)
        path[-1] = midnights[1]
        close = _ticks(instrument, path)
        before = int(_ticks(instrument, midnights[:1])[0])
        deviation = np.sqrt(beta**2 * common.variance + own.variance)

        orders, extra = self._counts(instrument, random, common, own)
        trades = orders + extra
        opened, high, low, close = _candles(random, before, close, deviation * close.astype(np.float64), orders)
        lean = np.tanh(returns / deviation)
        lean = self.kind.flow_tilt * lean + self.kind.impact_shown * impact.flow
        share = np.clip(0.5 + lean + 0.04 * self.kind.chance * random.standard_normal(MINUTES), 0.05, 0.95)
        noise = self.kind.chance * np.sqrt(orders * share * (1 - share)) * random.standard_normal(MINUTES)
        buys = np.clip(np.rint(orders * share + noise), 0, orders).astype(np.int64)
        extra_buys = np.rint(extra * buys / np.maximum(orders, 1)).astype(np.int64)
        buy_trades = buys + extra_buys
        volume, buy_volume = self._volumes(instrument, random, own, trades, buy_trades)
        return Day(
            number,
            opened,
            high,
            low,
            close,
            orders,
            buys,
            trades,
            buy_trades,
            volume,
            buy_volume,
            _ids(number * self.orders_a_day[instrument.index], orders),
            _ids(number * self.trades_a_day[instrument.index], trades),
        )

    def _counts(
        self, instrument: Instrument, random: np.random.Generator, common: DayWalk, own: DayWalk
    ) -> tuple[Ints, Ints]:
        """Orders of each minute, and trades beyond one an order; both sum to the day's fixed number."""
        evenness = 30.0 / max(self.kind.chance, 0.01)
        weights = (common.liveliness * own.liveliness) ** 0.12 * random.gamma(evenness, 1 / evenness, MINUTES)
        total = self.orders_a_day[instrument.index]
        orders = random.multinomial(total - 1, weights / weights.sum())
        orders[-1] += 1
        extra = random.multinomial(self.trades_a_day[instrument.index] - total, orders / total)
        return orders, extra

    def _volumes(
        self, instrument: Instrument, random: np.random.Generator, own: DayWalk, trades: Ints, buy_trades: Ints
    ) -> tuple[Ints, Ints]:
        lots = max(20.0, _TRADE_VALUE / (instrument.level * instrument.lot))
        size = lots * own.liveliness**0.25 * np.exp(0.3 * self.kind.chance * random.standard_normal(MINUTES))
        volume = trades + np.rint(trades * size).astype(np.int64)
        share = buy_trades / np.maximum(trades, 1)
        leaning = np.clip(share * (1 + 0.15 * self.kind.chance * random.standard_normal(MINUTES)), 0.0, 1.0)
        leaning = np.where(buy_trades == trades, 1.0, leaning)
        buy_volume = buy_trades + np.floor((volume - trades) * leaning).astype(np.int64)
        return volume, buy_volume


def _ticks(instrument: Instrument, path: NDArray[np.float64]) -> Ints:
    return np.maximum(np.rint(np.exp(path) * 10**instrument.price_decimals), 2).astype(np.int64)


def _ids(first: int, counts: Ints) -> Ints:
    return first + np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


def _candles(
    random: np.random.Generator, before: int, edge: Ints, deviation: NDArray[np.float64], orders: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open, high, low and close of each minute, in ticks, as its number of orders allows.

    ``edge`` is where the price stands at each minute's end and ``deviation`` the standard deviation, in ticks, of its
    way there. The extremes are those of a Brownian bridge. A minute without orders repeats the last price.
    """
    last = np.maximum.accumulate(np.where(orders > 0, np.arange(MINUTES), -1))
    close = np.where(last >= 0, edge[last], before)
    previous = np.concatenate((np.array([before]), close[:-1]))
    opened = np.maximum(previous + random.integers(-1, 2, MINUTES), 2)
    opened = np.where(orders == 0, previous, np.where(orders == 1, close, opened))
    move = (close - opened).astype(np.float64)
    reach = -2 * (0.8 * deviation) ** 2
    up = (opened + close + np.sqrt(move**2 + reach * np.log1p(-random.random(MINUTES)))) / 2
    down = (opened + close - np.sqrt(move**2 + reach * np.log1p(-random.random(MINUTES)))) / 2
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    high = np.where(orders >= 3, np.maximum(np.rint(up).astype(np.int64), top), top)
    low = np.where(orders >= 4, np.maximum(np.minimum(np.rint(down).astype(np.int64), bottom), 2), bottom)
    return opened, high, low, close
