"""What we ask of Bybit's REST."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError, ProtocolError, RateLimited, VenueUnavailable
from alphaplus_tui.exchanges.bybit.frames import (
    CandleRow,
    Candles,
    Listed,
    Listing,
    PastTrade,
    PastTrades,
    RestAnswer,
    ServerTime,
)
from alphaplus_tui.exchanges.bybit.symbols import SPOT
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.http import Refused, RestClient
from alphaplus_tui.exchanges.shared.offset import measured_offset_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

T = TypeVar("T")

MOST_CANDLES = 1000
MOST_TRADES = {SPOT: 60}
"""The newest ones; none older are served."""
_MOST_TRADES = 1000
_REQUESTS, _SPAN_S = 600, 5.0
"""Allowed for each address."""
_BANNED_S = 600.0
"""After a 403 for too many requests."""
_TOO_MANY = {10006, 10018}
_TOO_MANY_WAIT_S = 5.0
_AWAY = {10000, 10016}
_PAGES = 50
_PAGE = 1000

_LISTING = Decoder(Listing, strict=False)
_CANDLES = Decoder(Candles, strict=False)
_TRADES = Decoder(PastTrades, strict=False)
_ANSWER = Decoder(RestAnswer)
_TIME = Decoder(ServerTime, strict=False)


class BybitRest:
    """Every method raises what ``RestClient.get`` does. category: ``spot`` or ``linear``."""

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

    async def listed(self, category: str, symbol: str = "") -> list[Listed]:
        """Those of ``category``, or the one called ``symbol``; none where there is no such."""
        params: dict[str, str | int] = {"category": category, "limit": _PAGE}
        if symbol:
            params["symbol"] = symbol
        found: list[Listed] = []
        for _ in range(_PAGES):
            page = await self._get("instruments-info", params, _LISTING)
            found += page.rows
            if not page.cursor or not page.rows:
                break
            params["cursor"] = page.cursor
        return found

    async def candles(self, category: str, symbol: str, interval: str, *, since_ms: int, limit: int) -> list[CandleRow]:
        """Oldest first, from the one that opens at or after ``since_ms``; the last may be forming."""
        params = {"category": category, "symbol": symbol, "interval": interval, "start": since_ms, "limit": limit}
        page = await self._get("kline", params, _CANDLES)
        return sorted(row for row in page.rows if row[0] >= since_ms)

    async def newest_trades(self, category: str, symbol: str, *, limit: int) -> list[PastTrade]:
        """Oldest first."""
        most = min(limit, MOST_TRADES.get(category, _MOST_TRADES))
        page = await self._get("recent-trade", {"category": category, "symbol": symbol, "limit": most}, _TRADES)
        oldest_first = page.rows[::-1]  # of one moment too
        return sorted(oldest_first, key=lambda row: row.time)

    async def clock_offset_ns(self) -> int:
        """The exchange's clock minus ours."""

        async def server_ns() -> int:
            return (await self._get("time", {}, _TIME)).nanoseconds

        return await measured_offset_ns(server_ns, self._wall_ns)

    async def close(self) -> None:
        await self._client.close()

    async def _get(self, what: str, params: Mapping[str, str | int], decoder: "Decoder[T]") -> T:
        path = f"/v5/market/{what}"
        answer = await self._client.get(path, params, _ANSWER, weight=1, share=0.9)
        if answer.code != 0:
            raise self._client.heed(_meant(path, answer.code, answer.message))
        try:
            return decoder.decode(answer.result)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise ProtocolError(f"{path}: not as expected: {clean(str(error), limit=200)}") from error


def _meant(path: str, code: int, message: str) -> AlphaPlusError:
    words = f"{clean(message, limit=200)} (code {code})"
    if code in _TOO_MANY:
        return RateLimited(f"asked to wait: {words}", retry_after_s=_TOO_MANY_WAIT_S)
    if code in _AWAY:
        return VenueUnavailable(f"{path}: {words}")
    return Refused(f"{path}: {words}", code)


def _refusal(status: int, body: bytes) -> AlphaPlusError | None:
    """A 403 may be a ban for ten minutes, or a firewall's page."""
    if status == 403 and b"too frequent" in body[:2000].lower():
        return RateLimited(f"banned for {_BANNED_S:.0f} s (HTTP 403)", retry_after_s=_BANNED_S, banned=True)
    return None
