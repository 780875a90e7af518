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

_ORDERS_AT_ONCE = 500


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
        order_id = max(order_id, 0)
        number = order_id // self._history.orders_a_day[instrument.index]
        if number > self._today():
            return
        ids = self._history.day(instrument, number).first_order
        minute = number * MINUTES + int(np.searchsorted(ids, order_id, "right")) - 1
        place = order_id - self._tapes.minute(instrument, minute).first_order_id
        yield from self._orders_from(instrument, minute, place)

    def orders_from_trade(self, instrument: Instrument, trade_id: int) -> Iterator[TakerOrder]:
        """Past orders from the one that holds trade ``trade_id`` on, oldest first."""
        trade_id = max(trade_id, 0)
        number = trade_id // self._history.trades_a_day[instrument.index]
        if number > self._today():
            return
        ids = self._history.day(instrument, number).first_trade
        minute = number * MINUTES + int(np.searchsorted(ids, trade_id, "right")) - 1
        tape = self._tapes.minute(instrument, minute)
        place = int(np.searchsorted(tape.first, trade_id - tape.first_trade_id, "right")) - 1
        yield from self._orders_from(instrument, minute, place)

    def orders_since(self, instrument: Instrument, time_ms: int) -> Iterator[TakerOrder]:
        """Past orders from ``time_ms`` on, oldest first."""
        time_ms = max(time_ms, START_MS)
        if time_ms > self.now_ms:
            return
        minute = (time_ms - START_MS) // MINUTE_MS
        place = int(np.searchsorted(self._tapes.minute(instrument, minute).time_ms, time_ms))
        yield from self._orders_from(instrument, minute, place)

    def _today(self) -> int:
        return (self.now_ms - START_MS) // (MINUTES * MINUTE_MS)

    def _orders_from(self, instrument: Instrument, minute: int, place: int) -> Iterator[TakerOrder]:
        """All past orders from the one at ``place`` of a minute on."""
        for at in range(minute, (self.now_ms - START_MS) // MINUTE_MS + 1):
            tape = self._tapes.minute(instrument, at)
            until = int(np.searchsorted(tape.time_ms, self.now_ms, "right"))
            for start in range(place, until, _ORDERS_AT_ONCE):
                yield from _orders(instrument, tape, start, min(start + _ORDERS_AT_ONCE, until))
            place = 0


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
