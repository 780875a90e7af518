"""What we ask of Coinbase's public REST."""

import time
from collections.abc import Callable

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.exchanges.coinbase.frames import (
    CandleRow,
    Candles,
    Complaint,
    Product,
    Products,
    ServerTime,
    TradeRow,
    Trades,
)
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.http import Refused, RestClient
from alphaplus_tui.exchanges.shared.offset import measured_offset_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

MOST_CANDLES = 350
MOST_TRADES = 1000
_REQUESTS, _SPAN_S = 8, 1.0
"""Coinbase allows ten a second to each address."""
_DOUBTS_SHARE = 0.4
"""Of the budget, for asking whether a quiet instrument is mute; the rest is left to missing trades and to history."""
_PAGES = 50
"""More pages of products than this are a fault of the other side."""
_PATH = "/api/v3/brokerage"

_PRODUCTS = Decoder(Products, strict=False)
_CANDLES = Decoder(Candles, strict=False)
_TRADES = Decoder(Trades, strict=False)
_TIME = Decoder(ServerTime, strict=False)


class CoinbaseRest:
    """Every method raises what ``RestClient.get`` does."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        market: MarketClock,
        requests: Counter,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        budget = WeightBudget(clock, market, limit=_REQUESTS, span_s=_SPAN_S)
        self._client = RestClient(url, budget, requests=requests, refusal=_refusal)
        self._wall_ns = wall_ns

    async def products(self) -> list[Product]:
        """All that are listed for spot."""
        found: list[Product] = []
        params: dict[str, str | int] = {"product_type": "SPOT"}
        for _ in range(_PAGES):
            page = await self._client.get(f"{_PATH}/market/products", params, _PRODUCTS, weight=1, share=1.0)
            found += page.products
            if not page.pagination.has_next:
                break
            params["cursor"] = page.pagination.next_cursor
        return found

    async def candles(self, product: str, granularity: str, *, start_s: int, end_s: int) -> list[CandleRow]:
        """Those that open from ``start_s`` to ``end_s``, at most 350, oldest first; where nothing traded is none."""
        params = {"start": start_s, "end": end_s, "granularity": granularity, "limit": MOST_CANDLES}
        path = f"{_PATH}/market/products/{product}/candles"
        rows = (await self._client.get(path, params, _CANDLES, weight=1, share=1.0)).candles
        return sorted((row for row in rows if start_s <= row.start <= end_s), key=lambda row: row.start)

    async def trades(self, product: str, *, start_s: int, end_s: int) -> list[TradeRow]:
        """The newest 1,000 at most of those from ``start_s`` to ``end_s``, oldest first."""
        params = {"start": start_s, "end": end_s, "limit": MOST_TRADES}
        return sorted(await self._trades(product, params), key=lambda row: row.trade_id)

    async def newest_trade(self, product: str) -> int:
        """Its number; -1: it never traded."""
        rows = await self._trades(product, {"limit": 1}, share=_DOUBTS_SHARE)
        return max((row.trade_id for row in rows), default=-1)

    async def clock_offset_ns(self) -> int:
        async def server_ns() -> int:
            # whole milliseconds are cut off, on average half a one
            asked = await self._client.get(f"{_PATH}/time", {}, _TIME, weight=1, share=1.0)
            return asked.milliseconds * 1_000_000 + 500_000

        return await measured_offset_ns(server_ns, self._wall_ns)

    async def close(self) -> None:
        await self._client.close()

    async def _trades(self, product: str, params: dict[str, int], *, share: float = 1.0) -> list[TradeRow]:
        path = f"{_PATH}/market/products/{product}/ticker"
        return (await self._client.get(path, params, _TRADES, weight=1, share=share)).trades


def _refusal(status: int, body: bytes) -> AlphaPlusError | None:
    """Coinbase says what it does not like in words of its own."""
    if not 400 <= status < 500 or status in {403, 418, 429}:
        return None
    try:
        complaint = msgspec.json.decode(body, type=Complaint)
    except (msgspec.DecodeError, ValueError):
        return None
    words = clean(f"{complaint.error} {complaint.message}".strip(), limit=200)
    return Refused(f"{words or 'no reason given'} (HTTP {status})", status) if words else None
