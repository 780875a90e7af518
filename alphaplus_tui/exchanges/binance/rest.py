"""What we ask of Binance's REST, and what each question weighs."""

import json
import time
from collections.abc import Callable, Sequence

from msgspec.json import Decoder

from alphaplus_tui.errors import VenueUnavailable
from alphaplus_tui.exchanges.binance.frames import (
    ExchangeInfo,
    HistoricalTrade,
    Kline,
    LastTrade,
    ServerTime,
)
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.http import RestClient
from alphaplus_tui.exchanges.shared.offset import measured_offset_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

WEIGHT_PER_MINUTE = 6000
MOST_CANDLES = 1000
MOST_TRADES = 1000
SNAPSHOT_LEVELS = 1000
INVALID_SYMBOL = -1121
_BOOKS_SHARE = 0.6
"""Of the budget; the rest is left to missing trades and to history."""

_INFO = Decoder(ExchangeInfo, strict=False)
_KLINES = Decoder(list[Kline], strict=False)
_TRADES = Decoder(list[HistoricalTrade], strict=False)
_TIME = Decoder(ServerTime, strict=False)
_LAST = Decoder(LastTrade, strict=False)


class BinanceRest:
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
        self._budget = WeightBudget(clock, market, limit=WEIGHT_PER_MINUTE)
        self._client = RestClient(url, self._budget, used_header="X-MBX-USED-WEIGHT-1M", requests=requests)
        self._wall_ns = wall_ns

    async def exchange_info(self, venue_symbols: Sequence[str] = ()) -> ExchangeInfo:
        """Of ``venue_symbols``, or of all; Refused with INVALID_SYMBOL when one of them is unknown."""
        params = {"symbols": json.dumps(list(venue_symbols), separators=(",", ":"))} if venue_symbols else {}
        info = await self._client.get("/api/v3/exchangeInfo", params, _INFO, weight=20, share=0.9)
        for limit in info.rate_limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.interval == "MINUTE" and limit.number == 1 and limit.limit > 0:
                self._budget.limit = limit.limit
        return info

    async def depth(self, venue_symbol: str) -> bytes:
        """The snapshot as it came, because a recording keeps it so."""
        params = {"symbol": venue_symbol, "limit": SNAPSHOT_LEVELS}
        body = await self._client.get_bytes("/api/v3/depth", params, weight=50, share=_BOOKS_SHARE)
        if not body.startswith(b"{"):
            raise VenueUnavailable("/api/v3/depth: a page instead of JSON")
        return body

    async def klines(self, venue_symbol: str, interval: str, *, since_ms: int, limit: int) -> list[Kline]:
        params = {"symbol": venue_symbol, "interval": interval, "startTime": since_ms, "limit": limit}
        return await self._client.get("/api/v3/klines", params, _KLINES, weight=2, share=0.9)

    async def historical_trades(self, venue_symbol: str, *, from_id: int, limit: int) -> list[HistoricalTrade]:
        params = {"symbol": venue_symbol, "fromId": from_id, "limit": limit}
        return await self._client.get("/api/v3/historicalTrades", params, _TRADES, weight=25, share=0.9)

    async def last_trade_id(self, venue_symbol: str) -> int:
        params = {"symbol": venue_symbol}
        return (await self._client.get("/api/v3/ticker/24hr", params, _LAST, weight=2, share=0.9)).last_id

    async def clock_offset_ns(self) -> int:
        """The exchange's clock minus ours."""

        async def server_ns() -> int:
            server = await self._client.get("/api/v3/time", {}, _TIME, weight=1, share=1.0)
            # whole milliseconds are cut off, on average half a one
            return server.time * 1_000_000 + 500_000

        return await measured_offset_ns(server_ns, self._wall_ns)

    async def close(self) -> None:
        await self._client.close()
