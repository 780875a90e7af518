"""Binance's USD-M futures on loopback, as far as the adapter speaks with them."""

from typing import Any

from aiohttp import web

from alphaplus_tui.domain.market import Side
from tests.fakes.talking_venue import Market, TalkingVenue, levels, minutes, ms_of, now_ms
from tests.fakes.venue import Client, Print

_GAP = 1000
"""Numbers of the book are shared by all symbols, so those of one leap."""


class FakeBinanceFutures(TalkingVenue):
    """Two perpetuals. A socket is silent about what the other one serves, without a word."""

    exchange = "binanceusdm"
    symbols = ("BTCUSDT", "ETHUSDT")
    ws_paths = ("/market/stream", "/public/stream")

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
                trades = [trade for trade in market.tape if trade.number >= first]
                return [_trade(trade) for trade in (trades[:limit] if first >= 0 else trades[-limit:])]
            case "depth" if market is not None:
                sequence = market.sequence * _GAP
                bids, asks = levels(market.bids.items()), levels(market.asks.items())
                return {"lastUpdateId": sequence, "E": now_ms(), "T": now_ms(), "bids": bids, "asks": asks}
            case _:
                pass
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

    def reply(self, client: Client, said: dict[str, Any]) -> list[Any]:
        if self.refuse:
            return [{"error": {"code": 2, "msg": self.refuse}, "id": said["id"]}]
        served = {"aggTrade", "ticker", "kline_1m"} if client.path.startswith("/market") else {"bookTicker", "depth"}
        names = [stream.split("@") for stream in said["params"]]
        wants = {(kind, venue.upper()) for venue, kind, *_ in names if kind in served}
        client.wants = client.wants | wants if said["method"] == "SUBSCRIBE" else client.wants - wants
        return [{"result": None, "id": said["id"]}]

    def of_trade(self, market: Market, trade: Print) -> tuple[str, Any]:
        data = {"e": "aggTrade", "E": ms_of(trade), "s": market.name} | _trade(trade)
        return "aggTrade", {"stream": f"{market.name.lower()}@aggTrade", "data": data}

    def of_change(self, market: Market) -> list[tuple[str, Any]]:
        before = market.sequence * _GAP
        bids, asks = market.change()
        last, bid, ask = market.sequence * _GAP, max(market.bids), min(market.asks)
        times = {"E": now_ms(), "T": now_ms(), "s": market.name}
        depth = {"e": "depthUpdate", "U": last - 5, "u": last, "pu": before, "b": levels(bids), "a": levels(asks)}
        best = {"b": f"{bid}", "B": f"{market.bids[bid]}", "a": f"{ask}", "A": f"{market.asks[ask]}"}
        name = market.name.lower()
        return [
            ("depth", {"stream": f"{name}@depth@100ms", "data": depth | times}),
            ("kline_1m", {"stream": f"{name}@kline_1m", "data": {"e": "kline", "s": market.name, "k": _candle()}}),
            ("bookTicker", {"stream": f"{name}@bookTicker", "data": {"e": "bookTicker", "u": last} | best | times}),
        ]


def _candle() -> dict[str, Any]:
    figures = {"o": "100", "c": "101", "h": "102", "l": "99", "v": "5.5", "n": 42, "q": "550", "V": "2.25", "Q": "225"}
    opened = now_ms() // 60_000 * 60_000
    return {"t": opened, "T": opened + 59_999, "i": "1m", "x": False} | figures


def _trade(trade: Print) -> dict[str, Any]:
    numbers = {"a": trade.number, "f": trade.number * 3, "l": trade.number * 3 + 2}
    return numbers | {"p": trade.price, "q": trade.quantity, "T": ms_of(trade), "m": trade.taker is Side.SELL}


def _listed(name: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    ]
    contract = {"contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000, "marginAsset": "USDT"}
    base = name.removesuffix("USDT")
    return {"symbol": name, "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": filters} | contract
