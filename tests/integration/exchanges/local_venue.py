"""A small exchange on loopback that misbehaves as a test wants: Binance's stream address and a few REST paths."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web


@dataclass(frozen=True)
class Page:
    """An answer that is not 200 with JSON."""

    status: int
    text: str


class LocalVenue:
    """``say`` reaches every subscribed connection; the attributes say how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.handshake_status: int | None = None
        """Refuse WebSockets with this status."""
        self.headers: dict[str, str] = {}
        """Of refusals and REST answers."""
        self.subscribe_error: dict[str, Any] | None = None
        self.silent_subscribe = False
        """Never answer a subscription."""
        self.rest: dict[str, Any] = {}
        """By path: JSON, ``Page``, or a function that gives one of them."""
        self.asked: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.dialled = 0
        self.clients: list[web.WebSocketResponse] = []
        self.transports: dict[web.WebSocketResponse, asyncio.Transport] = {}

    async def say(self, *frames: str | dict[str, Any]) -> None:
        for client in self.clients:
            for frame in frames:
                await client.send_str(frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":")))

    async def trade(self, trade_id: int, *, price: str = "100.5", symbol: str = "BTCUSDT") -> None:
        await self.say(trade_frame(trade_id, price=price, symbol=symbol))

    def cut(self) -> None:
        """Break every connection without a word."""
        for client in self.clients:
            self.transports[client].abort()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.dialled += 1
        if self.handshake_status is not None:
            return web.Response(status=self.handshake_status, text="<html>sorry</html>", headers=self.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self.transports[socket] = transport
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                asked = json.loads(message.data)
                self.requests.append(asked)
                if self.subscribe_error is not None:
                    await socket.send_json({"error": self.subscribe_error, "id": asked["id"]})
                elif not self.silent_subscribe:
                    await socket.send_json({"result": None, "id": asked["id"]})
                    if socket not in self.clients:
                        self.clients.append(socket)
        finally:
            del self.transports[socket]
            if socket in self.clients:
                self.clients.remove(socket)
        return socket

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        said = self.rest.get(request.path, Page(404, '{"code":-1,"msg":"no such path"}'))
        if callable(said):
            said = said()
        if isinstance(said, Page):
            return web.Response(status=said.status, text=said.text, headers=self.headers)
        return web.json_response(said, headers=self.headers)


@asynccontextmanager
async def local_venue(port: int = 0) -> AsyncGenerator[LocalVenue]:
    venue = LocalVenue()
    app = web.Application()
    app.router.add_get("/stream", venue.stream)
    app.router.add_get("/api/{path:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    venue.port = runner.addresses[0][1]
    venue.url = f"127.0.0.1:{venue.port}"
    try:
        yield venue
    finally:
        venue.cut()
        await runner.cleanup()
        await asyncio.sleep(0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def trade_frame(trade_id: int, *, price: str = "100.5", symbol: str = "BTCUSDT") -> dict[str, Any]:
    data = {"e": "trade", "E": now_ms(), "s": symbol, "t": trade_id, "p": price, "q": "0.5", "T": now_ms(), "m": True}
    return {"stream": f"{symbol.lower()}@trade", "data": data}
