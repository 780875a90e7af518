"""A small Coinbase on loopback: Advanced Trade's streams, numbered by connection, and the public REST that is asked."""

import time
from typing import Any

from aiohttp import web

from alphaplus_tui.domain.market import Side
from tests.fakes.venue import SECOND_NS, Client, FakeVenue, Print, utc_text

_MAKERS = {Side.BUY: "SELL", Side.SELL: "BUY"}
_LENGTHS = {"ONE_MINUTE": 60, "FIVE_MINUTE": 300, "ONE_HOUR": 3600, "TWO_HOUR": 7200, "ONE_DAY": 86400}
_PATH = "/api/v3/brokerage"


class FakeCoinbase(FakeVenue):
    def __init__(self) -> None:
        super().__init__()
        self.books = {symbol: ({"99.0": "1"}, {"101.0": "1"}) for symbol in self.symbols}
        """Bids and asks: quantity by price, both as they are written."""
        self.refuses = ""
        """What it says to each request instead of doing it."""
        self.offset_ns = 0

    def routes(self, app: web.Application) -> None:
        app.router.add_get(f"{_PATH}/market/products", self._products)
        app.router.add_get(f"{_PATH}/market/products/{{product}}/ticker", self._trades)
        app.router.add_get(f"{_PATH}/market/products/{{product}}/candles", self._candles)
        app.router.add_get(f"{_PATH}/time", self._time)

    async def hear(self, client: Client, said: dict[str, Any]) -> None:
        if self.refuses:
            await self.send(client, {"type": "error", "message": self.refuses})
            return
        channel = said["channel"]
        wants = {(channel, product) for product in said.get("product_ids", ["heartbeats"])}
        if said["type"] == "unsubscribe":
            client.wants -= wants
        else:
            client.wants |= wants
            for _, product in sorted(wants):
                await self._begin(client, channel, product)
        state: dict[str, list[str]] = {}
        for name, product in sorted(client.wants):
            state.setdefault(name, []).append(product)
        await self._say(client, "subscriptions", {"subscriptions": state})

    async def say_trades(self, client: Client, symbol: str, prints: list[Print], kind: str = "update") -> None:
        product = symbol.replace("/", "-")
        if ("market_trades", product) in client.wants:
            rows = [_trade_row(product, one) for one in reversed(prints)]
            await self._say(client, "market_trades", {"type": kind, "trades": rows})
        if ("candles", product) in client.wants and kind == "update":
            now = prints[-1].ts // SECOND_NS // 300 * 300
            await self._say(client, "candles", {"type": "update", "candles": [_candle(now) | {"product_id": product}]})

    async def change(
        self, symbol: str, *, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None, heard: bool = True
    ) -> None:
        """Change its book; what is not ``heard`` still takes a number."""
        for side, changes in zip(self.books[symbol], (bids or {}, asks or {}), strict=True):
            side.update(changes)
            for price in [price for price, quantity in side.items() if not float(quantity)]:
                del side[price]
        product = symbol.replace("/", "-")
        for client in list(self.clients):
            if ("level2", product) not in client.wants:
                continue
            if heard:
                await self._say(client, "l2_data", _book_event("update", product, bids or {}, asks or {}))
            else:
                client.sent += 1

    async def _begin(self, client: Client, channel: str, product: str) -> None:
        symbol = product.replace("-", "/")
        match channel:
            case "market_trades":
                await self.say_trades(client, symbol, self.tape[symbol][-50:], "snapshot")
            case "level2":
                await self._say(client, "l2_data", _book_event("snapshot", product, *self.books[symbol]))
            case "ticker":
                row = {
                    "type": "ticker", "product_id": product, "price": "100", "volume_24_h": "10", "low_24_h": "90",
                    "high_24_h": "110", "price_percent_chg_24_h": "1.5", "best_bid": "99", "best_ask": "101",
                    "best_bid_quantity": "1", "best_ask_quantity": "1",
                }  # fmt: skip
                await self._say(client, "ticker", {"type": "snapshot", "tickers": [row]})
            case "candles":
                now = time.time_ns() // SECOND_NS // 300 * 300
                rows = [_candle(start) | {"product_id": product} for start in range(now - 3000, now + 1, 300)]
                await self._say(client, "candles", {"type": "snapshot", "candles": rows})
            case _:
                await self._say(client, "heartbeats", {"current_time": "now", "heartbeat_counter": 1})

    async def _say(self, client: Client, channel: str, event: dict[str, Any]) -> None:
        frame = {"channel": channel, "timestamp": utc_text(time.time_ns(), 9), "sequence_num": client.sent}
        await self.send(client, frame | {"events": [event]})

    async def _products(self, request: web.Request) -> web.Response:
        rows = [_product(symbol.replace("/", "-")) for symbol in self.symbols]
        rows.append(_product("BTC-USDC") | {"alias": "BTC-USD"})
        rows.append(_product("EOS-USD") | {"status": "delisted", "trading_disabled": True})
        # two pages
        second = request.query.get("cursor") == "more"
        return web.json_response(
            {
                "products": rows[2:] if second else rows[:2],
                "pagination": {"next_cursor": "" if second else "more", "has_next": not second},
            }
        )

    async def _trades(self, request: web.Request) -> web.Response:
        product, limit = request.match_info["product"], int(request.query["limit"])
        tape = self.tape[product.replace("-", "/")]
        if "start" in request.query:
            start, end = int(request.query["start"]) * SECOND_NS, int(request.query["end"]) * SECOND_NS
            tape = [one for one in tape if start <= one.ts <= end]
        rows = [_trade_row(product, one) for one in reversed(tape[-limit:])]
        return web.json_response({"trades": rows, "best_bid": "99", "best_ask": "101"})

    async def _candles(self, request: web.Request) -> web.Response:
        length = _LENGTHS[request.query["granularity"]]
        start, end, limit = (int(request.query[name]) for name in ("start", "end", "limit"))
        if (end - start) // length >= limit:
            complaint = {"error": "INVALID_ARGUMENT", "message": "number of candles requested should be less than 350"}
            return web.json_response(complaint, status=400)
        rows = [_candle(opened) for opened in range(-(-start // length) * length, end + 1, length)]
        return web.json_response({"candles": rows[::-1]})

    async def _time(self, _: web.Request) -> web.Response:
        ms = (time.time_ns() + self.offset_ns) // 1_000_000
        return web.json_response({"iso": "", "epochSeconds": str(ms // 1000), "epochMillis": str(ms)})


def _candle(start: int) -> dict[str, str]:
    return {"start": str(start), "low": "90", "high": "110", "open": "100", "close": "105", "volume": "12.5"}


def _trade_row(product: str, one: Print) -> dict[str, str]:
    return {
        "product_id": product,
        "trade_id": str(one.number),
        "price": one.price,
        "size": one.quantity,
        "time": utc_text(one.ts),
        "side": _MAKERS[one.taker],
    }


def _book_event(kind: str, product: str, bids: dict[str, str], asks: dict[str, str]) -> dict[str, Any]:
    updates = [
        {"side": side, "event_time": utc_text(time.time_ns()), "price_level": price, "new_quantity": quantity}
        for side, levels in (("bid", bids), ("offer", asks))
        for price, quantity in levels.items()
    ]
    return {"type": kind, "product_id": product, "updates": updates}


def _product(product: str) -> dict[str, Any]:
    base, quote = product.split("-")
    return {
        "product_id": product, "base_currency_id": base, "quote_currency_id": quote, "base_increment": "0.00000001",
        "price_increment": "0.01", "status": "online", "trading_disabled": False, "alias": "", "product_type": "SPOT",
    }  # fmt: skip
