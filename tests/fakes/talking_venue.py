"""A small exchange on loopback that talks by itself: trades and books of some symbols, kept for REST too."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

from aiohttp import WSMsgType, web

TICK_S = 0.01
"""Between one trade of a symbol and the next."""
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Printed:
    """A trade. Prices are in quote units; times in UTC ms."""

    number: int
    price: float
    quantity: float
    at: int
    buyer_took: bool


@dataclass
class Market:
    """One symbol: its trades, and a book whose levels lie 1 apart around 100.

    A trade takes from the best level; each change of the book has one level of each side.
    """

    name: str
    trades: list[Printed] = field(default_factory=list[Printed])
    bids: dict[float, float] = field(default_factory=lambda: {float(price): 1.0 for price in range(60, 100)})
    asks: dict[float, float] = field(default_factory=lambda: {float(price): 1.0 for price in range(101, 141)})
    sequence: int = 1000
    talks: bool = True

    def trade(self, at: int) -> Printed:
        number = self.trades[-1].number + 1 if self.trades else 1
        printed = Printed(number, 100.0 + number % 7, 0.5, at, number % 2 == 0)
        self.trades.append(printed)
        return printed

    def change(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """What changed in bids and asks; raises the sequence."""
        self.sequence += 1
        bid, ask = 90.0 + self.sequence % 10, 101.0 + self.sequence % 10
        quantity = 1.0 + self.sequence % 5
        self.bids[bid] = self.asks[ask] = quantity
        return [(bid, quantity)], [(ask, quantity)]


def levels(side: Iterable[tuple[float, float]]) -> list[list[str]]:
    return [[f"{price}", f"{quantity}"] for price, quantity in side]


class TalkingVenue(ABC):
    """What all fakes share: a clock's tick, sockets and who hears what on them, faults.

    A subclass knows its protocol: paths, requests, frames.
    """

    exchange: str
    """What its adapter is registered as."""

    def __init__(self, names: Sequence[str]) -> None:
        self.markets = {name: Market(name) for name in names}
        now = now_ms()
        for market in self.markets.values():
            for number in range(60):
                market.trade(now - 6_000 + 100 * number)
        self.heard_by: dict[web.WebSocketResponse, set[str]] = {}
        """What each socket subscribed to."""
        self.requests: list[dict[str, Any]] = []
        """What was said to us on sockets."""
        self.asked: list[str] = []
        """Paths and queries of REST."""
        self.dialled: list[str] = []
        """Paths of sockets, one for each time that somebody dialled."""
        self.refuse = ""
        """Refuse subscriptions with these words."""
        self.skip_changes = 0
        """So many changes of each book are made and not told."""
        self.mute = False
        """Trades and changes are made and not told."""
        self.page: tuple[int, str, dict[str, str]] | None = None
        """Status, text and headers that answer every question of REST."""
        self.port = 0
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    @abstractmethod
    def sockets(self) -> Sequence[str]:
        """Paths of sockets."""

    @abstractmethod
    def answer(self, path: str, query: dict[str, str]) -> Any:
        """What REST says: JSON, or a response."""

    @abstractmethod
    def reply(self, socket: web.WebSocketResponse, path: str, request: dict[str, Any]) -> list[Any]:
        """What is said to ``request``; it may change ``heard_by``."""

    @abstractmethod
    def of_trade(self, market: Market, trade: Printed) -> Iterable[tuple[str, Any]]:
        """Topics and frames that a trade makes."""

    @abstractmethod
    def of_change(self, market: Market) -> Iterable[tuple[str, Any]]:
        """Topics and frames that a change of the book makes; makes it."""

    def cut(self) -> None:
        """Break every connection without a word."""
        for transport in list(self._transports.values()):
            transport.abort()

    async def say(self, topic: str, frame: Any) -> None:
        """``frame`` to everybody who subscribed to ``topic``."""
        text = json.dumps(frame, separators=(",", ":"))
        for socket, topics in list(self.heard_by.items()):
            if topic in topics and not socket.closed:
                await socket.send_str(text)

    async def talk(self) -> None:
        for _ in count():
            await asyncio.sleep(TICK_S)
            skipping, self.skip_changes = self.skip_changes, max(0, self.skip_changes - 1)
            for market in self.markets.values():
                if not market.talks:
                    continue
                for topic, frame in self.of_trade(market, market.trade(now_ms())):
                    if not self.mute:
                        await self.say(topic, frame)
                for topic, frame in list(self.of_change(market)):
                    if not (skipping or self.mute):
                        await self.say(topic, frame)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        self.dialled.append(request.path)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self._transports[socket], self.heard_by[socket] = transport, set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    said = json.loads(message.data)
                    self.requests.append(said)
                    for frame in self.reply(socket, request.path, said):
                        await socket.send_json(frame)
        finally:
            del self._transports[socket], self.heard_by[socket]
        return socket

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if self.page is not None:
            status, text, headers = self.page
            return web.Response(status=status, text=text, headers=headers)
        said = self.answer(request.path, dict(request.query))
        return said if isinstance(said, web.Response) else web.json_response(said)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        app = web.Application()
        for path in self.sockets:
            app.router.add_get(path, self._stream)
        app.router.add_get("/{path:.*}", self._rest)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        talking = asyncio.create_task(self.talk())
        try:
            yield self
        finally:
            talking.cancel()
            await asyncio.wait({talking})
            self.cut()
            await runner.cleanup()
            await asyncio.sleep(0)
            if not talking.cancelled():
                talking.result()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def minutes(first_ms: int, limit: int) -> list[int]:
    """When the next ``limit`` candles of a minute open (UTC ms), from ``first_ms`` to now."""
    first = -(-first_ms // _MINUTE_MS) * _MINUTE_MS
    return list(range(first, min(first + limit * _MINUTE_MS, now_ms()), _MINUTE_MS))
