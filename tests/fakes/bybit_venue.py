"""Bybit on loopback, as far as the adapter speaks with it."""

from typing import Any

from tests.fakes.talking_venue import Market, TalkingVenue, levels, minutes, ms_of, now_ms
from tests.fakes.venue import Client, Print


class FakeBybit(TalkingVenue):
    """``BTCUSDT`` and ``ETHUSDT``, each on the spot market and as a perpetual."""

    exchange = "bybit"
    symbols = ("spot BTCUSDT", "spot ETHUSDT", "linear BTCUSDT", "linear ETHUSDT")
    ws_paths = ("/v5/public/spot", "/v5/public/linear")

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
                rows = [_past(market, trade) for trade in market.tape[: -most - 1 : -1]]
                return _result({"category": category, "list": rows})
            case _:
                pass
        return {"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}, "time": now_ms()}

    def reply(self, client: Client, said: dict[str, Any]) -> list[Any]:
        if said["op"] == "ping":
            return [{"success": True, "ret_msg": "pong", "conn_id": "x", "op": "ping"}]
        answer = {"success": not self.refuse, "ret_msg": self.refuse, "conn_id": "x", "op": said["op"]}
        answer |= {"req_id": said["req_id"]}
        category = client.path.rpartition("/")[2]
        topics = [topic.rpartition(".") for topic in said["args"]]
        wants = {(channel, f"{category} {name}") for channel, _, name in topics}
        unknown = next((name for _, _, name in topics if f"{category} {name}" not in self.markets), "")
        if unknown:
            return [answer | {"success": False, "ret_msg": f"error:handler not found,topic:publicTrade.{unknown}"}]
        if category == "spot" and len(wants) > 10:
            return [answer | {"success": False, "ret_msg": "args size >10"}]
        if self.refuse:
            return [answer]
        if said["op"] == "unsubscribe":
            client.wants -= wants
            return [answer]
        client.wants |= wants
        return [answer, *(self._book(*want) for want in sorted(wants) if want[0].startswith("orderbook"))]

    def of_trade(self, market: Market, trade: Print) -> tuple[str, Any]:
        name = market.name.split()[1]
        numbers = {"T": ms_of(trade), "v": trade.quantity, "p": trade.price, "i": _identity(market, trade)}
        data = {"s": name, "S": trade.taker.title()} | numbers
        return "publicTrade", {"topic": f"publicTrade.{name}", "type": "snapshot", "ts": ms_of(trade), "data": [data]}

    def of_change(self, market: Market) -> list[tuple[str, Any]]:
        category, name = market.name.split()
        bids, asks = market.change()
        depth = {"s": name, "b": levels(bids), "a": levels(asks), "u": market.sequence, "seq": market.sequence * 9}
        day = {"symbol": name, "lastPrice": "101", "prevPrice24h": "99", "highPrice24h": "110", "lowPrice24h": "90"}
        day |= {"volume24h": "1000", "turnover24h": "100000"}
        if category == "linear":
            day |= {"bid1Price": "99", "bid1Size": "1", "ask1Price": "101", "ask1Size": "2"}
        now = now_ms()
        start = now // 60_000 * 60_000
        figures = {"open": "100", "close": "101", "high": "102", "low": "99", "volume": "5.5", "turnover": "550"}
        candle = {"start": start, "end": start + 59_999, "interval": "1", "confirm": False, "timestamp": now} | figures
        topic = {"topic": f"kline.1.{name}"}
        # the spot market names the type first
        kline = {"type": "snapshot"} | topic if category == "spot" else topic | {"type": "snapshot"}
        return [
            ("kline.1", kline | {"data": [candle], "ts": now}),
            (
                "orderbook.200",
                {"topic": f"orderbook.200.{name}", "type": "delta", "ts": now, "data": depth, "cts": now},
            ),
            ("tickers", {"topic": f"tickers.{name}", "type": "snapshot", "ts": now, "data": day}),
        ]

    def _book(self, channel: str, symbol: str) -> dict[str, Any]:
        """The snapshot that comes with a subscription."""
        market, name, depth = self.markets[symbol], symbol.split()[1], int(channel.rpartition(".")[2])
        bids, asks = sorted(market.bids.items(), reverse=True), sorted(market.asks.items())
        data = {"s": name, "u": market.sequence, "b": levels(bids[:depth]), "a": levels(asks[:depth])}
        return {"topic": f"{channel}.{name}", "type": "snapshot", "ts": now_ms(), "data": data, "cts": now_ms()}


def _identity(market: Market, trade: Print) -> str:
    if market.name.startswith("spot"):
        return f"22900000000{trade.number:08d}"
    return f"{trade.number:08x}-0000-5000-8000-{len(market.name):012x}"


def _past(market: Market, trade: Print) -> dict[str, Any]:
    name, side = market.name.split()[1], trade.taker.title()
    numbers = {"price": trade.price, "size": trade.quantity, "time": f"{ms_of(trade)}"}
    return {"execId": _identity(market, trade), "symbol": name, "side": side, "isBlockTrade": False} | numbers


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
