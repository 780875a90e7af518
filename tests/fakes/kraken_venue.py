"""A small Kraken on loopback: version 2 of its streams with checksums, and the public REST that is asked."""

import time
from typing import Any
from zlib import crc32

from aiohttp import web

from alphaplus_tui.domain.market import Side
from tests.fakes.venue import SECOND_NS, Client, FakeVenue, Print, utc_text

_REST_NAMES = {"BTC/USD": ("XXBTZUSD", "XBTUSD", "XBT/USD"), "ETH/USD": ("XETHZUSD", "ETHUSD", "ETH/USD")}
_MINUTE_NS = 60 * SECOND_NS
_KINDS = {Side.BUY: "b", Side.SELL: "s"}


class FakeKraken(FakeVenue):
    ws_paths = ("/v2",)

    def __init__(self) -> None:
        super().__init__()
        self.books = {symbol: ({"99.0": "1.00000000"}, {"101.0": "1.00000000"}) for symbol in self.symbols}
        """Bids and asks: quantity by price, both as they are written."""
        self.unlisted: set[str] = set()
        """Refused when they are subscribed to."""
        self.offset_ns = 0
        self.wrong_checksums = 0
        """So many of the next ones are wrong."""

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/0/public/AssetPairs", self._pairs)
        app.router.add_get("/0/public/Trades", self._trades)
        app.router.add_get("/0/public/OHLC", self._candles)
        app.router.add_get("/0/public/Time", self._time)

    async def greet(self, client: Client) -> None:
        status = {"api_version": "v2", "connection_id": 14949390454975033707, "system": "online", "version": "2.0.8"}
        await self.send(client, {"channel": "status", "data": [status], "type": "update"})

    async def hear(self, client: Client, said: dict[str, Any]) -> None:
        method, number = said["method"], said.get("req_id")
        if method == "ping":
            await self.send(client, {"method": "pong", "req_id": number})
            return
        params = said["params"]
        for symbol in params["symbol"]:
            answer: dict[str, Any] = {"method": method, "req_id": number, "success": symbol not in self.unlisted}
            if symbol in self.unlisted:
                await self.send(client, answer | {"error": f"Currency pair not supported {symbol}", "symbol": symbol})
                continue
            await self.send(client, answer | {"result": {"channel": params["channel"], "symbol": symbol}})
            want = params["channel"], symbol
            if method == "unsubscribe":
                client.wants.discard(want)
            else:
                client.wants.add(want)
                await self._begin(client, *want)

    async def say_trades(self, client: Client, symbol: str, prints: list[Print], kind: str = "update") -> None:
        if ("trade", symbol) in client.wants:
            rows = ",".join(_trade_row(symbol, one) for one in prints)
            await self.send(client, f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}')
        if ("ohlc", symbol) in client.wants and kind == "update":
            begin = utc_text(prints[-1].ts // _MINUTE_NS * _MINUTE_NS, 9)
            row = (
                f'{{"symbol":"{symbol}","open":100.0,"high":110.0,"low":90.0,"close":105.0,"trades":7,'
                f'"volume":12.50000000,"vwap":101.0,"interval_begin":"{begin}","interval":1}}'
            )
            await self.send(client, f'{{"channel":"ohlc","type":"update","data":[{row}]}}')

    async def change(
        self, symbol: str, *, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None
    ) -> None:
        """Change its book, to everybody."""
        for side, changes in zip(self.books[symbol], (bids or {}, asks or {}), strict=True):
            for price, quantity in changes.items():
                side.pop(price, None)
                if float(quantity):
                    side[price] = quantity
        frame = self._book_frame(symbol, "update", bids or {}, asks or {})
        for client in list(self.clients):
            if ("book", symbol) in client.wants:
                await self.send(client, frame)

    async def _begin(self, client: Client, channel: str, symbol: str) -> None:
        match channel:
            case "trade":
                await self.say_trades(client, symbol, self.tape[symbol][-50:], "snapshot")
            case "book":
                await self.send(client, self._book_frame(symbol, "snapshot", *self.books[symbol]))
            case "ohlc":
                pass  # told with each trade
            case _:
                row = (
                    f'{{"symbol":"{symbol}","bid":99.0,"bid_qty":1.00000000,"ask":101.0,"ask_qty":1.00000000,'
                    '"last":100.0,"volume":10.00000000,"vwap":100.5,"low":90.0,"high":110.0,"change":1.0,"change_pct":1.0}'
                )
                await self.send(client, f'{{"channel":"ticker","type":"snapshot","data":[{row}]}}')

    def _book_frame(self, symbol: str, kind: str, bids: dict[str, str], asks: dict[str, str]) -> str:
        checksum = self._checksum(symbol)
        if self.wrong_checksums:
            self.wrong_checksums -= 1
            checksum ^= 1
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{_levels(bids)}],'
            f'"asks":[{_levels(asks)}],"checksum":{checksum},"timestamp":"{utc_text(time.time_ns())}"}}]}}'
        )

    def _checksum(self, symbol: str) -> int:
        bids, asks = self.books[symbol]
        best = sorted(asks.items(), key=lambda level: float(level[0]))[:10]
        best += sorted(bids.items(), key=lambda level: -float(level[0]))[:10]
        return crc32("".join(n.replace(".", "").lstrip("0") for level in best for n in level).encode())

    async def _pairs(self, _: web.Request) -> web.Response:
        pairs = {
            key: {"altname": alt, "wsname": ws, "status": "online", "pair_decimals": 1, "lot_decimals": 8,
                  "tick_size": "0.1"}
            for key, alt, ws in _REST_NAMES.values()
        }  # fmt: skip
        pairs["XETHZUSD.d"] = {"altname": "ETHUSD.d", "pair_decimals": 2, "lot_decimals": 8}
        return _result(pairs)

    async def _trades(self, request: web.Request) -> web.Response:
        key, symbol = _asked(request)
        count = int(request.query.get("count", 1000))
        since = request.query.get("since")
        tape = self.tape[symbol]
        found = tape[-count:] if since is None else [one for one in tape if one.ts > int(since)][:count]
        rows = ",".join(
            f'["{one.price}","{one.quantity}",{one.ts / SECOND_NS:.7f},"{_KINDS[one.taker]}","m","",{one.number}]'
            for one in found
        )
        last = found[-1].ts if found else int(since or 0)
        return web.Response(
            text=f'{{"error":[],"result":{{"{key}":[{rows}],"last":"{last}"}}}}', content_type="application/json"
        )

    async def _candles(self, request: web.Request) -> web.Response:
        key, _ = _asked(request)
        length = int(request.query["interval"]) * 60
        first = int(request.query["since"]) // length * length + length
        now = int(time.time())
        rows = [
            [opened, "100.0", "110.0", "90.0", "105.0", "101.0", "12.50000000", 7]
            for opened in range(first, min(first + 720 * length, now), length)
        ]
        return _result({key: rows, "last": rows[-1][0] if rows else 0})

    async def _time(self, _: web.Request) -> web.Response:
        return _result({"unixtime": (time.time_ns() + self.offset_ns) // SECOND_NS, "rfc1123": ""})


def _asked(request: web.Request) -> tuple[str, str]:
    """The pair's key in answers, and its symbol."""
    pair = request.query["pair"]
    return next((key, symbol) for symbol, (key, alt, _) in _REST_NAMES.items() if alt == pair)


def _result(result: dict[str, Any]) -> web.Response:
    return web.json_response({"error": [], "result": result})


def _trade_row(symbol: str, one: Print) -> str:
    return (
        f'{{"symbol":"{symbol}","side":"{one.taker.value}","price":{one.price},"qty":{one.quantity},'
        f'"ord_type":"limit","trade_id":{one.number},"timestamp":"{utc_text(one.ts)}"}}'
    )


def _levels(levels: dict[str, str]) -> str:
    return ",".join(f'{{"price":{price},"qty":{quantity}}}' for price, quantity in levels.items())
