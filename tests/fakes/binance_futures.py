"""Binance's USD-M futures on loopback, as far as the adapter speaks with them."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.talking_venue import Market, Printed, TalkingVenue, levels, minutes, now_ms

_GAP = 1000
"""Numbers of the book are shared by all symbols, so those of one leap."""


class FakeBinanceFutures(TalkingVenue):
    """``BTCUSDT`` and ``ETHUSDT`` perpetuals."""

    exchange = "binanceusdm"

    def __init__(self, names: Sequence[str] = ("BTCUSDT", "ETHUSDT")) -> None:
        super().__init__(names)

    @property
    def sockets(self) -> Sequence[str]:
        return "/market/stream", "/public/stream"

    def answer(self, path: str, query: dict[str, str]) -> Any:
        market = self.markets.get(query.get("symbol", ""))
        match path.removeprefix("/fapi/v1/"):
            case "exchangeInfo":
                return {"symbols": [_listed(name) for name in self.markets]}
            case "time":
                return {"serverTime": now_ms()}
            case "klines":
                opens = minutes(int(query["startTime"]), int(query["limit"]))
                return [
                    [at, "100", "102", "99", "101", "5.5", at + 59_999, "550", 42, "2.25", "225", "0"] for at in opens
                ]
            case "aggTrades" if market is not None:
                first, limit = int(query.get("fromId", -1)), int(query["limit"])
                trades = [trade for trade in market.trades if trade.number >= first]
                return [_trade(trade) for trade in (trades[:limit] if first >= 0 else trades[-limit:])]
            case "depth" if market is not None:
                sequence = market.sequence * _GAP
                bids, asks = levels(market.bids.items()), levels(market.asks.items())
                return {"lastUpdateId": sequence, "E": now_ms(), "T": now_ms(), "bids": bids, "asks": asks}
            case _:
                pass
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

    def reply(self, socket: web.WebSocketResponse, path: str, request: dict[str, Any]) -> list[Any]:
        if self.refuse:
            return [{"error": {"code": 2, "msg": self.refuse}, "id": request["id"]}]
        # an address is silent about what the other one serves, without a word
        served = {"aggTrade", "ticker"} if path.startswith("/market") else {"bookTicker", "depth"}
        streams = {stream for stream in request["params"] if stream.split("@")[1] in served}
        if request["method"] == "SUBSCRIBE":
            self.heard_by[socket] |= streams
        else:
            self.heard_by[socket] -= streams
        return [{"result": None, "id": request["id"]}]

    def of_trade(self, market: Market, trade: Printed) -> Iterable[tuple[str, Any]]:
        name = f"{market.name.lower()}@aggTrade"
        yield name, {"stream": name, "data": {"e": "aggTrade", "E": trade.at, "s": market.name} | _trade(trade)}

    def of_change(self, market: Market) -> Iterable[tuple[str, Any]]:
        name, before = f"{market.name.lower()}@depth@100ms", market.sequence * _GAP
        bids, asks = market.change()
        last = market.sequence * _GAP
        data = {"e": "depthUpdate", "E": now_ms(), "T": now_ms(), "s": market.name, "U": last - 5, "u": last}
        yield name, {"stream": name, "data": data | {"pu": before, "b": levels(bids), "a": levels(asks)}}
        name, bid, ask = f"{market.name.lower()}@bookTicker", max(market.bids), min(market.asks)
        data = {"e": "bookTicker", "u": last, "s": market.name, "T": now_ms(), "E": now_ms()}
        best = {"b": f"{bid}", "B": f"{market.bids[bid]}", "a": f"{ask}", "A": f"{market.asks[ask]}"}
        yield name, {"stream": name, "data": data | best}


def _trade(trade: Printed) -> dict[str, Any]:
    numbers = {"a": trade.number, "f": trade.number * 3, "l": trade.number * 3 + 2}
    return numbers | {"p": f"{trade.price}", "q": f"{trade.quantity}", "T": trade.at, "m": not trade.buyer_took}


def _listed(name: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    ]
    contract = {"contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000, "marginAsset": "USDT"}
    base = name.removesuffix("USDT")
    return {"symbol": name, "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": filters} | contract
