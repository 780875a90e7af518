"""The REST answers about prices and trades, each made from what a request asks for."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import perf_counter

import msgspec

from alphaplus_tui.simulator import frames
from alphaplus_tui.simulator.candles import INTERVALS, end_of, starts
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.market import Market, TakerOrder
from alphaplus_tui.simulator.publisher import Desk, Publisher

Query = Mapping[str, str]
_LONGEST_TURN_S = 0.005


class RequestError(Exception):
    """The request cannot be answered; in the exchange's words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class _Turn:
    """Keeps a long answer from holding up the market."""

    def __init__(self) -> None:
        self._since_s = perf_counter()

    async def give_way(self) -> None:
        if perf_counter() - self._since_s > _LONGEST_TURN_S:
            await asyncio.sleep(0)
            self._since_s = perf_counter()


class Answers:
    """Reads queries, looks at the market, writes JSON."""

    def __init__(self, market: Market, publisher: Publisher) -> None:
        self._market, self._publisher = market, publisher

    def instrument(self, query: Query) -> Instrument:
        symbol = query.get("symbol", "")
        if not symbol:
            raise RequestError(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        return self._known(symbol)

    def instruments(self, query: Query) -> tuple[Instrument, ...] | None:
        """Those asked for by ``symbol`` or ``symbols``; None when neither is there."""
        if "symbol" in query:
            return (self.instrument(query),)
        if "symbols" not in query:
            return None
        try:
            symbols = msgspec.json.decode(query["symbols"], type=list[str])
        except msgspec.MsgspecError:
            raise RequestError(
                -1100, "Illegal characters found in parameter 'symbols'; legal range is a JSON array of symbols."
            ) from None
        return tuple(self._known(symbol) for symbol in symbols)

    def trades(self, query: Query) -> bytes:
        """The latest trades, or those from ``fromId`` on."""
        instrument, limit = self.instrument(query), limit_of(query, 500, 1000)
        first = number(query, "fromId")
        if first is None:
            first = self._market.next_trade_id(instrument) - limit
        rows: list[str] = []
        for order in self._market.orders_from_trade(instrument, first):
            rows.extend(_trade_rows(order, first))
            if len(rows) >= limit:
                break
        return f"[{','.join(rows[:limit])}]".encode()

    def aggregate_trades(self, query: Query) -> bytes:
        instrument, limit = self.instrument(query), limit_of(query, 500, 1000)
        first, start_ms, end_ms = (number(query, name) for name in ("fromId", "startTime", "endTime"))
        if first is not None and (start_ms is not None or end_ms is not None):
            raise RequestError(-1128, "Combination of optional parameters invalid.")
        orders: Iterable[TakerOrder]
        if start_ms is not None:
            orders = self._market.orders_since(instrument, start_ms)
        elif end_ms is not None:
            latest = [*self._market.orders_since(instrument, end_ms + 1 - 3_600_000)]
            orders = [order for order in latest if order.time_ms <= end_ms][-limit:]
        else:
            wanted = self._market.next_order_id(instrument) - limit if first is None else first
            orders = self._market.orders_from_id(instrument, wanted)
        rows: list[str] = []
        for order in islice(orders, limit):
            if end_ms is not None and order.time_ms > end_ms:
                break
            rows.append(_aggregate_row(order))
        return f"[{','.join(rows)}]".encode()

    async def klines(self, query: Query) -> bytes:
        instrument, limit = self.instrument(query), limit_of(query, 500, 1000)
        interval = query.get("interval", "")
        if not interval:
            raise RequestError(-1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.")
        if interval not in INTERVALS:
            raise RequestError(-1120, "Invalid interval.")
        now_ms = self._market.now_ms
        opens = starts(interval, number(query, "startTime"), number(query, "endTime"), limit, now_ms=now_ms)
        price, quantity, value = instrument.price, instrument.quantity, instrument.value
        rows: list[str] = []
        turn = _Turn()
        if opens:
            for _ in self._market.candles.prepared(instrument, opens[0]):
                await turn.give_way()
        for candle in self._market.candles.several(instrument, interval, opens):
            rows.append(
                f'[{candle.start_ms},"{price(candle.open)}","{price(candle.high)}","{price(candle.low)}",'
                f'"{price(candle.close)}","{quantity(candle.volume)}",{end_of(interval, candle.start_ms) - 1},'
                f'"{value(candle.value)}",{candle.trades},"{quantity(candle.buy_volume)}",'
                f'"{value(candle.buy_value)}","0"]'
            )
            await turn.give_way()
        return f"[{','.join(rows)}]".encode()

    def depth(self, query: Query) -> bytes:
        instrument, limit = self.instrument(query), limit_of(query, 100, 5000)
        book = self._desk(instrument).book
        return frames.depth(instrument, book.update_id, book.bids.levels(limit), book.asks.levels(limit))

    def price(self, query: Query) -> object:
        def row(desk: Desk) -> dict[str, object]:
            instrument = desk.instrument
            return {"symbol": instrument.symbol, "price": instrument.price(self._market.last_price(instrument))}

        return self._each(query, row)

    def average_price(self, query: Query) -> object:
        instrument, now_ms = self.instrument(query), self._market.now_ms
        end_ms = end_of("1m", now_ms // 60_000 * 60_000)
        candle = self._market.candles.candle(instrument, end_ms - 300_000, end_ms)
        return {"mins": 5, "price": frames.average_of(instrument, candle), "closeTime": now_ms}

    def book_ticker(self, query: Query) -> object:
        return self._each(query, _book_ticker)

    def day(self, query: Query) -> object:
        kind = query.get("type", "FULL")
        if kind not in ("FULL", "MINI"):
            raise RequestError(-1139, "Invalid ticker type.")
        return self._each(query, lambda desk: _day(desk, mini=kind == "MINI"))

    def _each(self, query: Query, row: Callable[[Desk], dict[str, object]]) -> object:
        chosen = self.instruments(query)
        if "symbol" in query and chosen:
            return row(self._desk(chosen[0]))
        return [row(self._desk(instrument)) for instrument in chosen or self._market.instruments]

    def _desk(self, instrument: Instrument) -> Desk:
        return self._publisher.desks[instrument.symbol]

    def _known(self, symbol: str) -> Instrument:
        found = self._market.by_symbol.get(symbol)
        if found is None:
            raise RequestError(-1121, "Invalid symbol.")
        return found


def number(query: Query, name: str) -> int | None:
    """A whole number of the query; None when it is not there."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        legal = "legal range is '^[0-9]{1,20}$'"
        raise RequestError(-1100, f"Illegal characters found in parameter '{name}'; {legal}.")
    return int(text)


def limit_of(query: Query, usual: int, most: int) -> int:
    limit = number(query, "limit")
    if limit == 0:
        raise RequestError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(usual if limit is None else limit, most)


def _trade_rows(order: TakerOrder, first: int) -> list[str]:
    instrument, price = order.instrument, order.instrument.price(order.price)
    tail = f'"time":{order.time_ms},"isBuyerMaker":{"false" if order.bought else "true"},"isBestMatch":true}}'
    return [
        f'{{"id":{order.first_trade_id + place},"price":"{price}","qty":"{instrument.quantity(lots)}",'
        f'"quoteQty":"{instrument.value(order.price * lots)}",{tail}'
        for place, lots in enumerate(order.lots)
        if order.first_trade_id + place >= first
    ]


def _aggregate_row(order: TakerOrder) -> str:
    instrument = order.instrument
    return (
        f'{{"a":{order.order_id},"p":"{instrument.price(order.price)}",'
        f'"q":"{instrument.quantity(sum(order.lots))}","f":{order.first_trade_id},'
        f'"l":{order.first_trade_id + len(order.lots) - 1},"T":{order.time_ms},'
        f'"m":{"false" if order.bought else "true"},"M":true}}'
    )


def _book_ticker(desk: Desk) -> dict[str, object]:
    instrument, best = desk.instrument, desk.book.best()
    return {
        "symbol": instrument.symbol,
        "bidPrice": instrument.price(best.bid),
        "bidQty": instrument.quantity(best.bid_lots),
        "askPrice": instrument.price(best.ask),
        "askQty": instrument.quantity(best.ask_lots),
    }


def _day(desk: Desk, *, mini: bool) -> dict[str, object]:
    instrument, last_day = desk.instrument, desk.last_day()
    day = last_day.candle
    price, quantity = instrument.price, instrument.quantity
    change, percent = frames.change_of(instrument, day)
    full: dict[str, object] = {
        "priceChange": change,
        "priceChangePercent": percent,
        "weightedAvgPrice": frames.average_of(instrument, day),
        "prevClosePrice": price(last_day.before),
        "lastQty": quantity(last_day.last_lots),
        **{name: text for name, text in _book_ticker(desk).items() if name != "symbol"},
    }
    return {
        "symbol": instrument.symbol,
        **({} if mini else full),
        "lastPrice": price(day.close),
        "openPrice": price(day.open),
        "highPrice": price(day.high),
        "lowPrice": price(day.low),
        "volume": quantity(day.volume),
        "quoteVolume": instrument.value(day.value),
        "openTime": day.start_ms,
        "closeTime": last_day.now_ms,
        "firstId": day.first_trade_id,
        "lastId": day.first_trade_id + day.trades - 1,
        "count": day.trades,
    }
