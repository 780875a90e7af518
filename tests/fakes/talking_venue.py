"""A fake venue whose books move with its trades, and that may fall mute, skip or refuse."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.venue import Client, FakeVenue, Print

_MINUTE_MS = 60_000


@dataclass
class Market:
    """One symbol: its trades, and a book around 100 with levels 1 apart."""

    name: str
    tape: list[Print]
    bids: dict[float, float] = field(default_factory=lambda: {float(price): 1.0 for price in range(60, 100)})
    asks: dict[float, float] = field(default_factory=lambda: {float(price): 1.0 for price in range(101, 141)})
    sequence: int = 1000
    talks: bool = True

    def change(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """What changed in bids and asks; raises the sequence."""
        self.sequence += 1
        bid, ask = 90.0 + self.sequence % 10, 101.0 + self.sequence % 10
        quantity = 1.0 + self.sequence % 5
        self.bids[bid] = self.asks[ask] = quantity
        return [(bid, quantity)], [(ask, quantity)]


def levels(side: Iterable[tuple[float, float]]) -> list[list[str]]:
    return [[f"{price}", f"{quantity}"] for price, quantity in side]


class TalkingVenue(FakeVenue):
    """Each trade of a symbol is followed by a change of its book. A client wants (channel, symbol)."""

    exchange: str
    """What its adapter is registered as."""
    past_every_ns = 100_000_000

    def __init__(self) -> None:
        super().__init__()
        self.markets = {symbol: Market(symbol, tape) for symbol, tape in self.tape.items()}
        self.dialled_to: list[str] = []
        """Paths of sockets, one for each time that somebody dialled."""
        self.refuse = ""
        """Refuse subscriptions with these words."""
        self.skip_changes = 0
        """So many changes of each book are made and not told."""
        self.mute = False
        """Trades and changes are made and not told."""
        self.page: tuple[int, str, dict[str, str]] | None = None
        """Status, text and headers that answer every question of REST."""

    @abstractmethod
    def answer(self, path: str, query: dict[str, str]) -> Any:
        """What REST says: JSON, or a response."""

    @abstractmethod
    def reply(self, client: Client, said: dict[str, Any]) -> list[Any]:
        """What is said to a request; it may change what ``client`` wants."""

    @abstractmethod
    def of_trade(self, market: Market, trade: Print) -> tuple[str, Any]:
        """The channel and the frame of a trade."""

    @abstractmethod
    def of_change(self, market: Market) -> list[tuple[str, Any]]:
        """Channels and frames of a change of the book; makes it."""

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/{path:.*}", self._rest)

    async def greet(self, client: Client) -> None:
        self.dialled_to.append(client.path)

    async def hear(self, client: Client, said: dict[str, Any]) -> None:
        for frame in self.reply(client, said):
            await self.send(client, frame)

    async def keep_trading(self, rate: float) -> None:
        while True:
            skipping, self.skip_changes = self.skip_changes, max(0, self.skip_changes - 1)
            for market in self.markets.values():
                if market.talks:
                    await self.trade(market.name)
                    for channel, frame in self.of_change(market):
                        if not skipping:
                            await self.say(channel, market.name, frame)
            await asyncio.sleep(1 / rate)

    async def say_trades(self, client: Client, symbol: str, prints: list[Print]) -> None:
        for trade in prints:
            channel, frame = self.of_trade(self.markets[symbol], trade)
            if (channel, symbol) in client.wants and not self.mute:
                await self.send(client, frame)

    async def say(self, channel: str, symbol: str, frame: Any) -> None:
        """``frame`` to everybody who wants ``channel`` of ``symbol``."""
        for client in list(self.clients):
            if (channel, symbol) in client.wants and not self.mute:
                await self.send(client, frame)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        if self.page is not None:
            status, text, headers = self.page
            return web.Response(status=status, text=text, headers=headers)
        said = self.answer(request.path, dict(request.query))
        return said if isinstance(said, web.Response) else web.json_response(said)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ms_of(trade: Print) -> int:
    return trade.ts // 1_000_000


def minutes(first_ms: int, limit: int) -> list[int]:
    """When the next ``limit`` candles of a minute open (UTC ms), from ``first_ms`` to now."""
    first = -(-first_ms // _MINUTE_MS) * _MINUTE_MS
    return list(range(first, min(first + limit * _MINUTE_MS, now_ms()), _MINUTE_MS))
