"""The market as it happens: hands out each order when its time has come, and finds every past trade."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alphaplus_tui.simulator.candles import Candles, start_of
from alphaplus_tui.simulator.history import MINUTE_MS, START_MS, History
from alphaplus_tui.simulator.instruments import Instrument, listed
from alphaplus_tui.simulator.kinds import MarketKind
from alphaplus_tui.simulator.tape import Tape, Tapes
from alphaplus_tui.simulator.walks import MINUTES


@dataclass(frozen=True, slots=True)
class TakerOrder:
    """One taker's order: its trades have consecutive ids from ``first_trade_id`` and one price, time and side."""

    instrument: Instrument
    time_ms: int
    price: int
    bought: bool
    order_id: int
    first_trade_id: int
    lots: tuple[int, ...]


class Market:
    """A market of some kind, seed, rate and number of instruments, advanced by its owner's clock."""

    def __init__(self, kind: MarketKind, seed: int, rate: float, symbols: int, *, now_ms: int) -> None:
        self.instruments = listed(symbols)
        self.by_symbol = {instrument.symbol: instrument for instrument in self.instruments}
        self.now_ms = now_ms
        """Until when, inclusive, everything has happened."""
        self._history = History(kind, seed, rate, self.instruments)
        self._tapes = Tapes(self._history)
        self.candles = Candles(self._history, self._tapes, lambda: self.now_ms)
        self._cursors = [Cursor(instrument, self._tapes, now_ms) for instrument in self.instruments]
        self._laying, self._laid = 0, 0

    def advance(self, now_ms: int) -> list[TakerOrder]:
        """What happened since the last call, oldest first."""
        if now_ms <= self.now_ms:
            return []
        orders: list[TakerOrder] = []
        for cursor in self._cursors:
            if cursor.next_ms <= now_ms:
                cursor.take(now_ms, orders)
        self.now_ms = now_ms
        self._prefetch()
        orders.sort(key=_time)
        return orders

    def _prefetch(self) -> None:
        """Lay the next minute of one instrument in time, so that a new minute does not stall the market."""
        minute = (self.now_ms - START_MS) // MINUTE_MS + 1
        if self._laying != minute:
            self._laying, self._laid = minute, 0
        if self._laid < len(self.instruments) and self.now_ms % MINUTE_MS > 5000:
            self._tapes.minute(self.instruments[self._laid], minute)
            self._laid += 1

    def last_price(self, instrument: Instrument) -> int:
        """Of the last trade, in ticks."""
        minute_ms = start_of("1m", self.now_ms)
        return self.candles.candle(instrument, minute_ms, minute_ms + MINUTE_MS).close

    def next_trade_id(self, instrument: Instrument) -> int:
        """The id that the next trade will have."""
        tape = self._tapes.minute(instrument, (self.now_ms - START_MS) // MINUTE_MS)
        return tape.first_trade_id + tape.trades_until(self.now_ms)

    def next_order_id(self, instrument: Instrument) -> int:
        """The id that the next aggregate trade will have."""
        tape = self._tapes.minute(instrument, (self.now_ms - START_MS) // MINUTE_MS)
        return tape.first_order_id + int(np.searchsorted(tape.time_ms, self.now_ms, "right"))

    def orders_from_id(self, instrument: Instrument, order_id: int) -> Iterator[TakerOrder]:
        """Past orders from ``order_id`` on, oldest first."""
        a_day = self._history.orders_a_day[instrument.index]
        return self._from(instrument, max(order_id, 0), a_day, by_order=True)

    def orders_from_trade(self, instrument: Instrument, trade_id: int) -> Iterator[TakerOrder]:
        """Past orders from the one that holds trade ``trade_id`` on, oldest first."""
        a_day = self._history.trades_a_day[instrument.index]
        return self._from(instrument, max(trade_id, 0), a_day, by_order=False)

    def orders_since(self, instrument: Instrument, time_ms: int) -> Iterator[TakerOrder]:
        """Past orders from ``time_ms`` on, oldest first."""
        time_ms = max(time_ms, START_MS)
        for order in self._minutes(instrument, (time_ms - START_MS) // MINUTE_MS):
            if order.time_ms >= time_ms:
                yield order

    def _from(self, instrument: Instrument, wanted: int, a_day: int, *, by_order: bool) -> Iterator[TakerOrder]:
        number = wanted // a_day
        if START_MS + number * MINUTES * MINUTE_MS > self.now_ms:
            return
        day = self._history.day(instrument, number)
        ids = day.first_order if by_order else day.first_trade
        minute = number * MINUTES + int(np.searchsorted(ids, wanted, "right")) - 1
        for order in self._minutes(instrument, minute):
            last = order.order_id if by_order else order.first_trade_id + len(order.lots) - 1
            if last >= wanted:
                yield order

    def _minutes(self, instrument: Instrument, minute: int) -> Iterator[TakerOrder]:
        """All past orders from the start of a minute on."""
        last = (self.now_ms - START_MS) // MINUTE_MS
        for at in range(minute, last + 1):
            tape = self._tapes.minute(instrument, at)
            until = int(np.searchsorted(tape.time_ms, self.now_ms, "right"))
            yield from _orders(instrument, tape, 0, until)


class Cursor:
    """Where one instrument's live tape stands."""

    def __init__(self, instrument: Instrument, tapes: Tapes, now_ms: int) -> None:
        self._instrument, self._tapes = instrument, tapes
        self._minute = (now_ms - START_MS) // MINUTE_MS
        self._load()
        self._place = int(np.searchsorted(self._tape.time_ms, now_ms, "right"))
        self._see_next()

    def take(self, now_ms: int, orders: list[TakerOrder]) -> None:
        """Append what happened until ``now_ms`` to ``orders``."""
        while self.next_ms <= now_ms:
            if self._place < len(self._times):
                start = self._place
                while self._place < len(self._times) and self._times[self._place] <= now_ms:
                    self._place += 1
                orders.extend(_orders(self._instrument, self._tape, start, self._place))
            else:
                self._tapes.value(self._instrument, self._minute)
                self._minute += 1
                self._load()
                self._place = 0
            self._see_next()

    def _load(self) -> None:
        self._tape = self._tapes.minute(self._instrument, self._minute)
        self._times: list[int] = self._tape.time_ms.tolist()

    def _see_next(self) -> None:
        over = START_MS + (self._minute + 1) * MINUTE_MS
        self.next_ms: int = self._times[self._place] if self._place < len(self._times) else over


def _orders(instrument: Instrument, tape: Tape, start: int, end: int) -> Iterator[TakerOrder]:
    if start >= end:
        return
    first: list[int] = tape.first[start : end + 1].tolist()
    lots: list[int] = tape.lots[first[0] : first[-1]].tolist()
    times: list[int] = tape.time_ms[start:end].tolist()
    prices: list[int] = tape.price[start:end].tolist()
    bought: list[bool] = tape.bought[start:end].tolist()
    skipped = first[0]
    for place, (time_ms, price, was_bought) in enumerate(zip(times, prices, bought, strict=True)):
        begin, until = first[place], first[place + 1]
        yield TakerOrder(
            instrument,
            time_ms,
            price,
            was_bought,
            tape.first_order_id + start + place,
            tape.first_trade_id + begin,
            tuple(lots[begin - skipped : until - skipped]),
        )


def _time(order: TakerOrder) -> int:
    return order.time_ms
