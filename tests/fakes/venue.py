"""A small exchange on loopback: its tape, its sockets, its REST; each venue's dialect is added by a subclass."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from alphaplus_tui.domain.market import Side

FIRST_NUMBER = 5000
PAST_TRADES = 300
SECOND_NS = 10**9


@dataclass(frozen=True)
class Print:
    """One trade as it happened; numbers as they are to be written."""

    number: int
    price: str
    quantity: str
    taker: Side
    ts: int


@dataclass
class Client:
    """One connection, and what it subscribed to: channel and symbol."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    path: str
    wants: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    sent: int = 0


class FakeVenue:
    """``trade`` makes something happen; ``heard=False`` keeps it from the streams, REST has it all the same."""

    symbols: tuple[str, ...] = ("BTC/USD", "ETH/USD")
    ws_paths: tuple[str, ...] = ("/",)
    past_every_ns = 2 * SECOND_NS
    """Between the trades of the past."""

    def __init__(self) -> None:
        self.port = 0
        self.clients: list[Client] = []
        self.dialled = 0
        self.requests: list[dict[str, Any]] = []
        """What was said over sockets."""
        self.asked: list[str] = []
        """What was asked of REST."""
        self.answers: dict[str, Callable[[], web.Response]] = {}
        """Instead of what REST would answer, by path."""
        now = time.time_ns()
        self.tape = {symbol: self._past(now) for symbol in self.symbols}

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def happen(self, symbol: str, count: int = 1) -> list[Print]:
        """Trades that only REST knows."""
        tape = self.tape[symbol]
        new = [
            Print(
                tape[-1].number + n,
                f"100.{n % 10}",
                "0.50000000",
                (Side.BUY, Side.SELL)[n % 2],
                time.time_ns() + n * 1000,
            )
            for n in range(1, count + 1)
        ]
        tape += new
        return new

    async def trade(self, symbol: str = "BTC/USD") -> Print:
        (new,) = self.happen(symbol)
        await self.tell(symbol, [new])
        return new

    async def tell(self, symbol: str, prints: list[Print]) -> None:
        for client in list(self.clients):
            await self.say_trades(client, symbol, prints)

    def is_subscribed(self) -> bool:
        """Whether somebody hears what happens in all markets."""
        return any(len(client.wants) >= len(self.symbols) for client in self.clients)

    async def keep_trading(self, rate: float) -> None:
        while True:
            for symbol in self.symbols:
                await self.trade(symbol)
            await asyncio.sleep(1 / rate)

    def cut(self) -> None:
        """Break every connection without a word."""
        for client in self.clients:
            client.transport.abort()

    async def send(self, client: Client, frame: dict[str, Any] | str) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"))
        client.sent += 1
        try:
            await client.socket.send_str(text)
        except ConnectionError:
            return  # it was cut meanwhile

    # what each venue says in its own way

    def routes(self, app: web.Application) -> None:
        raise NotImplementedError

    async def greet(self, client: Client) -> None: ...

    async def hear(self, client: Client, said: dict[str, Any]) -> None:
        raise NotImplementedError

    async def say_trades(self, client: Client, symbol: str, prints: list[Print]) -> None:
        raise NotImplementedError

    # sockets and REST

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.dialled += 1
        socket = web.WebSocketResponse(max_msg_size=2**27)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        client = Client(socket, request.transport, request.path)
        self.clients.append(client)
        try:
            await self.greet(client)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    said = json.loads(message.data)
                    self.requests.append(said)
                    await self.hear(client, said)
        finally:
            self.clients.remove(client)
        return socket

    @web.middleware
    async def note(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        if request.path in self.ws_paths:
            return await handler(request)
        self.asked.append(request.path_qs)
        instead = self.answers.get(request.path)
        return instead() if instead else await handler(request)

    def _past(self, now: int) -> list[Print]:
        """The last one ``past_every_ns`` ago."""
        return [
            Print(FIRST_NUMBER + n, "99.5", "0.25000000", Side.SELL, now - (PAST_TRADES - n) * self.past_every_ns)
            for n in range(PAST_TRADES)
        ]


V = TypeVar("V", bound=FakeVenue)


@asynccontextmanager
async def opened(venue: V, *, rate: float = 0.0) -> AsyncGenerator[V]:
    """``venue`` on a port of its own; with a ``rate``, trades of each symbol happen so often a second."""
    app = web.Application(middlewares=[venue.note])
    for path in venue.ws_paths:
        app.router.add_get(path, venue.stream)
    venue.routes(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.port = runner.addresses[0][1]
    trading = asyncio.create_task(venue.keep_trading(rate)) if rate else None
    try:
        yield venue
    finally:
        if trading is not None:
            trading.cancel()
            await asyncio.wait({trading})
        venue.cut()
        await runner.cleanup()
        await asyncio.sleep(0)
        if trading is not None and not trading.cancelled():
            trading.result()


def utc_text(ts: int, digits: int = 6) -> str:
    """``2026-08-09T21:05:48.228568Z``."""
    seconds, nanoseconds = divmod(ts, SECOND_NS)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}"[: digits + 1] + "Z"
