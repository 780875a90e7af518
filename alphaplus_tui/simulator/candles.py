"""Candles of any interval and any time since 2019, each the exact sum of the minutes, or trades, within it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from alphaplus_tui.simulator.history import DAY_MS, MINUTE_MS, START_MS, Day, History, Ints
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.tape import Tape, Tapes
from alphaplus_tui.simulator.walks import MINUTES

INTERVALS_MS = {
    "1s": 1000,
    **{f"{n}m": n * MINUTE_MS for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * 60 * MINUTE_MS for n in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
INTERVALS = (*INTERVALS_MS, "1M")
EXACT_VALUE_MINUTES = 60
"""From so long before the start on, a candle's value is the sum over its trades; before, volume times typical price."""
_MONDAY_MS = 4 * DAY_MS


@dataclass(frozen=True, slots=True)
class SimCandle:
    """What happened from ``start_ms`` on; prices in ticks, volumes in lots, values in tick-lots."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    buy_volume: int
    value: int
    buy_value: int
    first_trade_id: int


def merged(parts: list[SimCandle]) -> SimCandle:
    """One candle over consecutive ones."""
    return SimCandle(
        parts[0].start_ms,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum(part.volume for part in parts),
        sum(part.trades for part in parts),
        sum(part.buy_volume for part in parts),
        sum(part.value for part in parts),
        sum(part.buy_value for part in parts),
        parts[0].first_trade_id,
    )


def start_of(interval: str, time_ms: int) -> int:
    """When the candle that holds ``time_ms`` began."""
    if interval == "1M":
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
        return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * 1000
    length = INTERVALS_MS[interval]
    offset = _MONDAY_MS if interval == "1w" else 0
    return (time_ms - offset) // length * length + offset


def end_of(interval: str, start_ms: int) -> int:
    """When the candle that began at ``start_ms`` ends, exclusive."""
    return start_of("1M", start_ms + 31 * DAY_MS) if interval == "1M" else start_ms + INTERVALS_MS[interval]


def starts(interval: str, start_ms: int | None, end_ms: int | None, limit: int, *, now_ms: int) -> tuple[int, ...]:
    """The candles asked for: the first ``limit`` from ``start_ms`` on, or else the last ones until ``end_ms``."""
    last = start_of(interval, min(now_ms if end_ms is None else end_ms, now_ms))
    found: list[int] = []
    if start_ms is not None:
        at = start_of(interval, max(start_ms, START_MS))
        if at < max(start_ms, START_MS):
            at = end_of(interval, at)
        while at <= last and len(found) < limit:
            found.append(at)
            at = end_of(interval, at)
        return tuple(found)
    while last >= START_MS and len(found) < limit:
        found.append(last)
        last = start_of(interval, last - 1)
    return tuple(reversed(found))


class Candles:
    """Sums up minutes, and the trades so far of the minute that is forming."""

    def __init__(self, history: History, tapes: Tapes, now_ms: Callable[[], int]) -> None:
        self._history, self._tapes, self._now_ms = history, tapes, now_ms
        self._exact_from = (now_ms() - START_MS) // MINUTE_MS - EXACT_VALUE_MINUTES
        self._days: OrderedDict[tuple[int, int], SimCandle] = OrderedDict()

    def candle(self, instrument: Instrument, start_ms: int, end_ms: int, *, exact: bool = True) -> SimCandle:
        """The candle from ``start_ms`` to ``end_ms``, as far as it has happened; its values quick if not ``exact``."""
        if (end_ms - start_ms) % MINUTE_MS:
            return self._of_trades(instrument, start_ms, end_ms)
        now_ms = self._now_ms()
        parts: list[SimCandle] = []
        minute = (start_ms - START_MS) // MINUTE_MS
        forming = (now_ms - START_MS) // MINUTE_MS
        end = min((end_ms - START_MS) // MINUTE_MS, forming)
        while minute < end:
            number, of_day = divmod(minute, MINUTES)
            until = min(MINUTES, of_day + end - minute)
            if exact and of_day == 0 and until == MINUTES:
                parts.append(self._day(instrument, number))
            else:
                parts.append(self._minutes(instrument, number, of_day, until, exact=exact))
            minute += until - of_day
        if end == forming and start_ms <= now_ms < end_ms:
            parts.append(self._forming(instrument, forming))
        return merged(parts)

    def prepared(self, instrument: Instrument, start_ms: int) -> Iterator[None]:
        """Do, step by step, what candles from ``start_ms`` on would otherwise do at once."""
        first = max((start_ms - START_MS) // MINUTE_MS, self._exact_from)
        for minute in range(first, (self._now_ms() - START_MS) // MINUTE_MS):
            yield None
            self._tapes.value(instrument, minute)

    def several(self, instrument: Instrument, interval: str, opens: tuple[int, ...]) -> Iterator[SimCandle]:
        """The candles that begin at ``opens``, which are consecutive."""
        length = INTERVALS_MS.get(interval, 0)
        forming = start_of("1m", self._now_ms())
        day, rows = -1, list[SimCandle]()
        for start_ms in opens:
            end_ms = end_of(interval, start_ms)
            if not MINUTE_MS <= length < DAY_MS or end_ms > forming:
                yield self.candle(instrument, start_ms, end_ms)
                continue
            number, of_day = divmod(start_ms - START_MS, DAY_MS)
            if number != day:
                day, rows = number, self._rows(instrument, number, length // MINUTE_MS)
            yield rows[of_day // length]

    def _day(self, instrument: Instrument, number: int) -> SimCandle:
        found = self._days.get((instrument.index, number))
        if found is None:
            found = self._days[instrument.index, number] = self._minutes(instrument, number, 0, MINUTES, exact=True)
            if len(self._days) > 200_000:
                self._days.popitem(last=False)
        return found

    def _minutes(self, instrument: Instrument, number: int, first: int, end: int, *, exact: bool) -> SimCandle:
        """Minutes ``first`` to ``end`` of a day, all past."""
        day = self._history.day(instrument, number)
        values, buy_values = self._values(instrument, day, first, end, exact=exact)
        return SimCandle(
            START_MS + (number * MINUTES + first) * MINUTE_MS,
            int(day.open[first]),
            int(day.high[first:end].max()),
            int(day.low[first:end].min()),
            int(day.close[end - 1]),
            int(day.volume[first:end].sum()),
            int(day.trades[first:end].sum()),
            int(day.buy_volume[first:end].sum()),
            int(values.sum()),
            int(buy_values.sum()),
            int(day.first_trade[first]),
        )

    def _rows(self, instrument: Instrument, number: int, step: int) -> list[SimCandle]:
        """A day in candles of ``step`` minutes; those that are not over yet mean nothing."""
        day = self._history.day(instrument, number)
        values, buy_values = self._values(instrument, day, 0, MINUTES, exact=True)
        columns = (
            START_MS + (number * MINUTES + np.arange(0, MINUTES, step)) * MINUTE_MS,
            day.open[::step],
            day.high.reshape(-1, step).max(1),
            day.low.reshape(-1, step).min(1),
            day.close[step - 1 :: step],
            *(
                column.reshape(-1, step).sum(1)
                for column in (day.volume, day.trades, day.buy_volume, values, buy_values)
            ),
            day.first_trade[:-1:step],
        )
        return [SimCandle(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def _values(self, instrument: Instrument, day: Day, first: int, end: int, *, exact: bool) -> tuple[Ints, Ints]:
        part = slice(first, end)
        typical = (day.open[part] + day.high[part] + day.low[part] + day.close[part]) // 4
        values, buy_values = typical * day.volume[part], typical * day.buy_volume[part]
        if exact:
            midnight = day.number * MINUTES
            forming = (self._now_ms() - START_MS) // MINUTE_MS
            for minute in range(max(midnight + first, self._exact_from), min(midnight + end, forming)):
                summed = self._tapes.value(instrument, minute)
                values[minute - midnight - first], buy_values[minute - midnight - first] = summed.all, summed.bought
        return values, buy_values

    def _forming(self, instrument: Instrument, minute: int) -> SimCandle:
        return self._of_tape(instrument, minute, START_MS + minute * MINUTE_MS, self._now_ms() + 1)

    def _of_trades(self, instrument: Instrument, start_ms: int, end_ms: int) -> SimCandle:
        minute = (start_ms - START_MS) // MINUTE_MS
        return self._of_tape(instrument, minute, start_ms, min(end_ms, self._now_ms() + 1))

    def _of_tape(self, instrument: Instrument, minute: int, start_ms: int, end_ms: int) -> SimCandle:
        """The trades within one minute from ``start_ms`` to before ``end_ms``; flat where there were none."""
        tape = self._tapes.minute(instrument, minute)
        first, end = np.searchsorted(tape.time_ms, (start_ms, end_ms))
        if first == end:
            price = self._before(instrument, tape, minute, int(first))
            before = tape.first_trade_id + int(tape.first[first])
            return SimCandle(start_ms, price, price, price, price, 0, 0, 0, 0, 0, before)
        prices, bought = tape.price[first:end], tape.bought[first:end]
        lots = np.add.reduceat(tape.lots[: tape.first[end]], tape.first[first:end])
        values = prices * lots
        return SimCandle(
            start_ms,
            int(prices[0]),
            int(prices.max()),
            int(prices.min()),
            int(prices[-1]),
            int(lots.sum()),
            int(tape.first[end] - tape.first[first]),
            int(lots[bought].sum()),
            int(values.sum()),
            int(values[bought].sum()),
            tape.first_trade_id + int(tape.first[first]),
        )

    def _before(self, instrument: Instrument, tape: Tape, minute: int, order: int) -> int:
        """The last price before an order of a minute."""
        if order:
            return int(tape.price[order - 1])
        number, of_day = divmod(max(minute - 1, 0), MINUTES)
        return int(self._history.day(instrument, number).close[of_day])
