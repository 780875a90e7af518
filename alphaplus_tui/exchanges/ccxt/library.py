"""ccxt's object for one exchange: imported late and in a thread, pointed where the settings say, kept from breaking."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Protocol, cast

from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.shared.link import is_loopback

REST_WITHIN_S = 10.0
_STREAM_SCHEMES = ("ws", "wss")

Row = Mapping[str, Any]
"""A value as ccxt describes it: a trade, a ticker, a market."""


class Client(Protocol):
    """One of ccxt's WebSockets."""

    url: str
    isConnected: bool  # noqa: N815 - ccxt's name

    def closed(self) -> bool: ...

    def on_error(self, error: Exception) -> None:
        """Whoever waits for data of it gets ``error``; it is closed and forgotten."""
        ...


class Venue(Protocol):
    """What is used of ``ccxt.pro.Exchange``, beside the methods of ``ways``; times are UTC ms."""

    has: Mapping[str, object]
    timeframes: Mapping[str, str]
    markets: Mapping[str, Row] | None
    precisionMode: int  # noqa: N815 - ccxt's name
    trades: MutableMapping[str, Sequence[Row]]
    tickers: MutableMapping[str, Row]
    bidsasks: MutableMapping[str, Row]
    orderbooks: MutableMapping[str, Row]
    clients: MutableMapping[str, Client]
    last_response_headers: Mapping[str, str] | None
    last_http_response: str | None

    async def load_markets(self) -> Mapping[str, Row]: ...
    async def fetch_time(self) -> int | None: ...
    async def fetch_trades(
        self, symbol: str, since: int | None = None, limit: int | None = None, params: Mapping[str, object] = ...
    ) -> Sequence[Row]: ...
    async def fetch_ohlcv(
        self, symbol: str, timeframe: str, since: int | None = None, limit: int | None = None
    ) -> Sequence[Sequence[Any]]: ...
    async def fetch_ticker(self, symbol: str) -> Row: ...
    async def fetch_tickers(self, symbols: Sequence[str]) -> Mapping[str, Row]: ...
    async def fetch_order_book(self, symbol: str) -> Row: ...
    async def close_ws_clients(self) -> None: ...
    async def close(self) -> None: ...


class Asker(Protocol):
    """Who waits for data; learns over which connection it comes."""

    client: Client | None


ASKING: ContextVar[Asker | None] = ContextVar("asking", default=None)


class Ear:
    """Hears of every message of every connection, before and after ccxt made something of it."""

    def __init__(self) -> None:
        self.on_rejected: Callable[[str, str], None] = _nobody
        """Told of a message that could not be used: why, and its beginning."""
        self.messages: dict[str, int] = {}
        """How many came over each connection, by its address."""
        self.received_ns = 0
        """``time.perf_counter_ns()`` when the latest came."""

    def attach(self, client: Any) -> None:
        """Let messages of a new connection pass through here: one that ccxt chokes on must not end its reading."""
        handle, count, url = client.handle_text_or_binary_message, self.messages, str(client.url)
        count[url] = 0

        def guarded(data: str | bytes) -> None:
            self.received_ns = time.perf_counter_ns()
            count[url] = count.get(url, 0) + 1
            try:
                handle(data)
            except Exception as error:  # noqa: BLE001 - whatever ccxt's parsers raise; the connection goes on
                text = data if isinstance(data, str) else data[:1600].decode(errors="replace")
                reason = clean(f"{type(error).__name__}: {error}", limit=200)
                self.on_rejected(reason, clean(text[:1600], limit=400))

        client.handle_text_or_binary_message = guarded


def _nobody(reason: str, text: str) -> None: ...


class Library:
    """Makes the exchange's object at its first use."""

    def __init__(
        self, name: str, *, rest_url: str | None, ws_url: str | None, without: Collection[str] = frozenset()
    ) -> None:
        """rest_url, ws_url: replace scheme, host and port of all its addresses; None leaves them.
        without: methods that are not to be used.
        """
        self._name, self._rest_url, self._ws_url, self._without = name, rest_url, ws_url, without
        self._making: asyncio.Task[Venue] | None = None
        self.ear = Ear()

    async def venue(self) -> Venue:
        if self._making is None:
            self._making = asyncio.create_task(self._make(), name=f"import ccxt for {self._name}")
        return await asyncio.shield(self._making)

    async def hang_up(self) -> None:
        """End all streams, and forget what they said."""
        self.ear.on_rejected = _nobody
        if self._making is None or not self._making.done():
            return
        venue = await self._making
        await venue.close_ws_clients()
        for cache in (venue.trades, venue.tickers, venue.bidsasks, venue.orderbooks):
            cache.clear()

    async def close(self) -> None:
        making, self._making = self._making, None
        if making is not None:
            venue = await making
            await venue.close()

    async def _make(self) -> Venue:
        # seconds of importing, and hundreds of files the first time
        kind = await asyncio.to_thread(_class_of, self._name)
        exchange = kind(
            {
                "enableRateLimit": True,
                "timeout": int(REST_WITHIN_S * 1000),
                "aiohttp_trust_env": not is_loopback(self._rest_url or ""),
                "timeout_on_exit": 0,
            }
        )
        exchange.urls["api"] = redirected(exchange.urls["api"], self._rest_url, self._ws_url)
        exchange.has = {name: has for name, has in exchange.has.items() if name not in self._without}
        make_client = exchange.client

        def client(url: str) -> Client:
            known = url in (exchange.clients or {})
            made = make_client(url)
            if not known:
                self.ear.attach(made)
            asker = ASKING.get()
            if asker is not None:
                asker.client = made
            return made

        exchange.client = client
        return cast(Venue, exchange)


def redirected(urls: Any, rest_url: str | None, ws_url: str | None) -> Any:
    """The same tree of addresses with scheme, host and port replaced; the paths stay."""
    if isinstance(urls, dict):
        tree = cast("dict[str, Any]", urls)
        return {name: redirected(url, rest_url, ws_url) for name, url in tree.items()}
    if not isinstance(urls, str):
        return urls
    scheme, separator, rest = urls.partition("://")
    instead = ws_url if scheme in _STREAM_SCHEMES else rest_url
    if not separator or not instead:
        return urls
    _, slash, path = rest.partition("/")
    return instead.rstrip("/") + slash + path


def _class_of(name: str) -> Callable[[Mapping[str, object]], Any]:
    streaming: Any = import_module("ccxt.pro")
    asking: Any = import_module("ccxt.async_support")
    return getattr(streaming if hasattr(streaming, name) else asking, name)
