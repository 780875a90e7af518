"""Turns what happens in the market into books, tickers and candles, and publishes what somebody listens to."""

import re

from alphaplus_tui.simulator import frames
from alphaplus_tui.simulator.book import Best, OrderBook
from alphaplus_tui.simulator.candles import INTERVALS, SimCandle, end_of, merged, start_of
from alphaplus_tui.simulator.frames import LastDay
from alphaplus_tui.simulator.history import DAY_MS, MINUTE_MS, START_MS
from alphaplus_tui.simulator.hub import Hub
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.market import Market, TakerOrder

_KLINE = re.compile(r"([a-z0-9]+)@kline_(\w+)")
_PARTIAL_DEPTHS = (5, 10, 20)
_STIRRED_EACH_TIME = 50
"""So many instruments have quotes that change ten times a second; those of the others change once."""
_UPDATES_PER_MS = 20
"""Update ids begin at the time times this, so that those of a later run are larger."""


class Desk:
    """What is known of one instrument now."""

    def __init__(self, instrument: Instrument, market: Market, seed: int) -> None:
        self.instrument = instrument
        self._market = market
        name = instrument.symbol.lower()
        self.trade, self.aggregate, self.best_stream = f"{name}@trade", f"{name}@aggTrade", f"{name}@bookTicker"
        self.ticker, self.mini_ticker = f"{name}@ticker", f"{name}@miniTicker"
        self.depths = {False: f"{name}@depth@100ms", True: f"{name}@depth"}
        self.partial_depths = {
            slowly: tuple((count, f"{name}@depth{count}{'' if slowly else '@100ms'}") for count in _PARTIAL_DEPTHS)
            for slowly in (False, True)
        }
        update_id = (market.now_ms - START_MS) * _UPDATES_PER_MS
        self.book = OrderBook(instrument, market.last_price(instrument), seed, update_id)
        self.best: Best = self.book.best()
        self.last: TakerOrder | None = None
        self._past_day: tuple[SimCandle, int] | None = None

    def last_day(self) -> LastDay:
        """The last 24 hours, to the minute."""
        candles, instrument, now_ms = self._market.candles, self.instrument, self._market.now_ms
        forming_ms = start_of("1m", now_ms)
        start_ms = forming_ms - DAY_MS + MINUTE_MS
        if self._past_day is None or self._past_day[0].start_ms != start_ms:
            before = candles.candle(instrument, start_ms - MINUTE_MS, start_ms, exact=False).close
            self._past_day = candles.candle(instrument, start_ms, forming_ms, exact=False), before
        if self.last is None:
            last_id = self._market.next_trade_id(instrument) - 1
            self.last = next(self._market.orders_from_trade(instrument, last_id))
        past, before = self._past_day
        day = merged([past, candles.candle(instrument, forming_ms, forming_ms + MINUTE_MS)])
        return LastDay(day, before, self.last.lots[-1], now_ms)


class Publisher:
    """Keeps the desks up to date and feeds the hub."""

    def __init__(self, market: Market, hub: Hub, seed: int) -> None:
        self._market, self._hub = market, hub
        self.desks = {instrument.symbol: Desk(instrument, market, seed) for instrument in market.instruments}
        self._klines: dict[str, SimCandle] = {}
        self._turn = 0

    def happened(self, orders: list[TakerOrder]) -> None:
        """Publish orders that were just made, and lead the books with them."""
        hub, now_ms = self._hub, self._market.now_ms
        for order in orders:
            desk, lots = self.desks[order.instrument.symbol], sum(order.lots)
            desk.book.lead(order.price, bought=order.bought, lots=lots)
            self._tell_best(desk)
            if hub.heard(desk.trade):
                for payload in frames.trades(order, now_ms):
                    hub.publish(desk.trade, payload)
            if hub.heard(desk.aggregate):
                hub.publish(desk.aggregate, frames.aggregate_trade(order, now_ms))
            desk.book.consume(order.price, bought=order.bought, lots=lots)
            self._tell_best(desk)
            desk.last = order

    def tenth_of_a_second(self) -> None:
        """Let quotes come and go, and publish how the books changed."""
        slowly = self._turn % 10 == 9
        self._turn += 1
        for desk in self.desks.values():
            if desk.instrument.index < _STIRRED_EACH_TIME or (desk.instrument.index + self._turn) % 10 == 0:
                desk.book.stir()
                self._tell_best(desk)
            self._tell_depth(desk, slowly=False)
            if slowly:
                self._tell_depth(desk, slowly=True)

    def second(self) -> None:
        """Publish tickers and candles."""
        self._tell_tickers()
        for stream in self._hub.matching(lambda name: "@kline_" in name):
            self._tell_kline(stream)
        for stream in [stream for stream in self._klines if not self._hub.heard(stream)]:
            del self._klines[stream]

    def _tell_best(self, desk: Desk) -> None:
        best = desk.book.best()
        if best != desk.best:
            desk.best = best
            if self._hub.heard(desk.best_stream):
                payload = frames.book_ticker(desk.instrument, best, desk.book.update_id)
                self._hub.publish(desk.best_stream, payload)

    def _tell_depth(self, desk: Desk, *, slowly: bool) -> None:
        changes = desk.book.changes(slowly=slowly)
        if changes is None:
            return
        stream = desk.depths[slowly]
        if self._hub.heard(stream):
            self._hub.publish(stream, frames.depth_update(desk.instrument, changes, self._market.now_ms))
        for count, partial in desk.partial_depths[slowly]:
            if self._hub.heard(partial):
                book = desk.book
                bids, asks = book.bids.levels(count), book.asks.levels(count)
                self._hub.publish(partial, frames.depth(desk.instrument, book.update_id, bids, asks))

    def _tell_tickers(self) -> None:
        hub = self._hub
        every, every_mini = hub.heard("!ticker@arr"), hub.heard("!miniTicker@arr")
        tickers: list[bytes] = []
        mini_tickers: list[bytes] = []
        for desk in self.desks.values():
            if every or hub.heard(desk.ticker):
                tickers.append(frames.ticker(desk.instrument, desk.last_day(), desk.best))
                hub.publish(desk.ticker, tickers[-1])
            if every_mini or hub.heard(desk.mini_ticker):
                mini_tickers.append(frames.mini_ticker(desk.instrument, desk.last_day()))
                hub.publish(desk.mini_ticker, mini_tickers[-1])
        hub.publish("!ticker@arr", b"[%b]" % b",".join(tickers))
        hub.publish("!miniTicker@arr", b"[%b]" % b",".join(mini_tickers))

    def _tell_kline(self, stream: str) -> None:
        """The forming candle if it changed; first, once, the one that closed since the last second."""
        match = _KLINE.fullmatch(stream)
        instrument = self._market.by_symbol.get(match[1].upper()) if match else None
        if match is None or instrument is None or match[2] not in INTERVALS:
            return
        interval, now_ms, candles = match[2], self._market.now_ms, self._market.candles
        start_ms = start_of(interval, now_ms)
        told = self._klines.get(stream)
        while told is not None and told.start_ms < start_ms:
            end_ms = end_of(interval, told.start_ms)
            closed = candles.candle(instrument, told.start_ms, end_ms)
            self._hub.publish(stream, frames.kline(instrument, interval, closed, now_ms=now_ms, closed=True))
            told = candles.candle(instrument, end_ms, end_of(interval, end_ms))
        candle = candles.candle(instrument, start_ms, end_of(interval, start_ms))
        if candle != self._klines.get(stream):
            self._klines[stream] = candle
            self._hub.publish(stream, frames.kline(instrument, interval, candle, now_ms=now_ms, closed=False))
