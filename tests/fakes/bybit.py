"""Bybit on loopback, as far as the adapter speaks with it."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.talking_venue import Market, Printed, TalkingVenue, levels, minutes, now_ms


class FakeBybit(TalkingVenue):
    """``BTCUSDT`` and ``ETHUSDT``, each on the spot market and as a perpetual."""

    exchange = "bybit"

    def __init__(self, names: Sequence[str] = ("BTCUSDT", "ETHUSDT")) -> None:
        super().__init__([f"{category} {name}" for category in ("spot", "linear") for name in names])

    @property
    def sockets(self) -> Sequence[str]:
        return "/v5/public/spot", "/v5/public/linear"

    def answer(self, path: str, query: dict[str, str]) -> Any:
        category = query.get("category", "")
        market = self.markets.get(f"{category} {query.get('symbol', '')}")
        match path.removeprefix("/v5/market/"):
            case "instruments-info":
                mine = [name.split()[1] for name in self.markets if name.startswith(category)]
                wanted = [name for name in mine if query.get("symbol", name) == name]
                return _result({"category": category, "list": [_listed(category, name) for name in wanted]})
            case "time":
                return _result({"timeSecond": f"{now_ms() // 1000}", "timeNano": f"{now_ms()}000000"})
            case "kline" if market is not None and query["interval"] == "1":
                opens = minutes(int(query["start"]), int(query["limit"]))
                rows = [[f"{at}", "100", "102", "99", "101", "5.5", "550"] for at in reversed(opens)]
                return _result({"category": category, "symbol": query["symbol"], "list": rows})
            case "recent-trade" if market is not None:
                most = min(int(query["limit"]), 60 if category == "spot" else 1000)
                rows = [_past(market, trade) for trade in market.trades[: -most - 1 : -1]]
                return _result({"category": category, "list": rows})
            case _:
                pass
        return {"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}, "time": now_ms()}

    def reply(self, socket: web.WebSocketResponse, path: str, request: dict[str, Any]) -> list[Any]:
        if request["op"] == "ping":
            return [{"success": True, "ret_msg": "pong", "conn_id": "x", "op": "ping"}]
        said = {"success": not self.refuse, "ret_msg": self.refuse, "conn_id": "x", "op": request["op"]}
        answer = said | {"req_id": request["req_id"]}
        category = path.rpartition("/")[2]
        topics = {f"{category} {topic}" for topic in request["args"]}
        if category == "spot" and len(topics) > 10:
            return [answer | {"success": False, "ret_msg": "args size >10"}]
        if self.refuse:
            return [answer]
        if request["op"] == "unsubscribe":
            self.heard_by[socket] -= topics
            return [answer]
        self.heard_by[socket] |= topics
        return [answer, *(self._book(topic) for topic in sorted(topics) if "orderbook" in topic)]

    def of_trade(self, market: Market, trade: Printed) -> Iterable[tuple[str, Any]]:
        category, name = market.name.split()
        data = {
            "T": trade.at,
            "s": name,
            "S": "Buy" if trade.buyer_took else "Sell",
            "v": f"{trade.quantity}",
            "p": f"{trade.price}",
            "i": _identity(market, trade),
        }
        topic = f"publicTrade.{name}"
        yield f"{category} {topic}", {"topic": topic, "type": "snapshot", "ts": trade.at, "data": [data]}

    def of_change(self, market: Market) -> Iterable[tuple[str, Any]]:
        category, name = market.name.split()
        bids, asks = market.change()
        topic = f"orderbook.200.{name}"
        data = {"s": name, "b": levels(bids), "a": levels(asks), "u": market.sequence, "seq": market.sequence * 9}
        yield f"{category} {topic}", {"topic": topic, "type": "delta", "ts": now_ms(), "data": data, "cts": now_ms()}
        topic = f"tickers.{name}"
        day = {"symbol": name, "lastPrice": "101", "prevPrice24h": "99", "highPrice24h": "110", "lowPrice24h": "90"}
        data = day | {"volume24h": "1000", "turnover24h": "100000"}
        if category == "linear":
            data |= {"bid1Price": "99", "bid1Size": "1", "ask1Price": "101", "ask1Size": "2"}
        yield f"{category} {topic}", {"topic": topic, "type": "snapshot", "ts": now_ms(), "data": data}

    def _book(self, topic: str) -> dict[str, Any]:
        """The snapshot that comes with a subscription."""
        category, name = topic.split()
        _, depth, symbol = name.split(".")
        market = self.markets[f"{category} {symbol}"]
        bids, asks = sorted(market.bids.items(), reverse=True), sorted(market.asks.items())
        both = {"b": levels(bids[: int(depth)]), "a": levels(asks[: int(depth)])}
        data = {"s": symbol, "u": market.sequence, "seq": market.sequence * 9} | both
        return {"topic": name, "type": "snapshot", "ts": now_ms(), "data": data, "cts": now_ms()}


def _identity(market: Market, trade: Printed) -> str:
    if market.name.startswith("spot"):
        return f"22900000000{trade.number:08d}"
    return f"{trade.number:08x}-0000-5000-8000-{len(market.name):012x}"


def _past(market: Market, trade: Printed) -> dict[str, Any]:
    side = "Buy" if trade.buyer_took else "Sell"
    identity, name = _identity(market, trade), market.name.split()[1]
    numbers = {"price": f"{trade.price}", "size": f"{trade.quantity}", "time": f"{trade.at}"}
    return {"execId": identity, "symbol": name, "side": side, "isBlockTrade": False} | numbers


def _listed(category: str, name: str) -> dict[str, Any]:
    base = name.removesuffix("USDT")
    both = {"symbol": name, "baseCoin": base, "quoteCoin": "USDT", "status": "Trading"}
    price = {"priceFilter": {"tickSize": "0.1"}}
    if category == "spot":
        return both | price | {"lotSizeFilter": {"basePrecision": "0.000001"}}
    contract = {"contractType": "LinearPerpetual", "deliveryTime": "0", "settleCoin": "USDT"}
    return both | price | contract | {"lotSizeFilter": {"qtyStep": "0.001"}}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms()}
