"""What we ask of Binance's REST, and what each question weighs."""

import json
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.json import Decoder

from alphaplus_tui.errors import VenueUnavailable
from alphaplus_tui.exchanges.binance.frames import (
    AggregateTrade,
    ExchangeInfo,
    HistoricalTrade,
    Kline,
    LastTrade,
    ServerTime,
)
from alphaplus_tui.exchanges.binance.kinds import Kind
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.http import RestClient
from alphaplus_tui.exchanges.shared.offset import measured_offset_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

MOST_CANDLES = 1000
MOST_TRADES = 1000
SNAPSHOT_LEVELS = 1000
INVALID_SYMBOL = -1121
_BOOKS_SHARE = 0.6
"""Of the budget; the rest is left to missing trades and to history."""

_INFO = Decoder(ExchangeInfo, strict=False)
_KLINES = Decoder(list[Kline], strict=False)
_TRADES = Decoder(list[HistoricalTrade], strict=False)
_AGGREGATES = Decoder(list[AggregateTrade], strict=False)
_TIME = Decoder(ServerTime, strict=False)
_LAST = Decoder(LastTrade, strict=False)


PastTrade = HistoricalTrade | AggregateTrade


class BinanceRest:
    """Every method raises what ``RestClient.get`` does."""

    def __init__(
        self,
        kind: Kind,
        url: str | None,
        *,
        clock: Clock,
        market: MarketClock,
        requests: Counter,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """url: instead of Binance's own."""
        self.kind, self._api, self._weights = kind, kind.api, kind.weights
        self._budget = WeightBudget(clock, market, limit=kind.weights.per_minute)
        self._client = RestClient(
            url or kind.rest_url, self._budget, used_header="X-MBX-USED-WEIGHT-1M", requests=requests
        )
        self._wall_ns = wall_ns

    async def exchange_info(self, venue_symbols: Sequence[str] = ()) -> ExchangeInfo:
        """Of ``venue_symbols``, or of all; Refused with INVALID_SYMBOL when one of them is unknown."""
        params = {"symbols": json.dumps(list(venue_symbols), separators=(",", ":"))} if venue_symbols else {}
        info = await self._client.get(f"{self._api}/exchangeInfo", params, _INFO, weight=self._weights.info, share=0.9)
        for limit in info.rate_limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.interval == "MINUTE" and limit.number == 1 and limit.limit > 0:
                self._budget.limit = limit.limit
        return info

    async def depth(self, venue_symbol: str) -> bytes:
        """The snapshot as it came, because a recording keeps it so."""
        params = {"symbol": venue_symbol, "limit": SNAPSHOT_LEVELS}
        path = f"{self._api}/depth"
        body = await self._client.get_bytes(path, params, weight=self._weights.depth, share=_BOOKS_SHARE)
        if not body.startswith(b"{"):
            raise VenueUnavailable(f"{path}: a page instead of JSON")
        return body

    async def klines(self, venue_symbol: str, interval: str, *, since_ms: int, limit: int) -> list[Kline]:
        params = {"symbol": venue_symbol, "interval": interval, "startTime": since_ms, "limit": limit}
        return await self._client.get(f"{self._api}/klines", params, _KLINES, weight=self._weights.klines, share=0.9)

    async def trades_from(self, venue_symbol: str, *, from_id: int, limit: int) -> list[PastTrade]:
        """In the id space of the stream."""
        return await self._past_trades({"symbol": venue_symbol, "fromId": from_id, "limit": limit})

    async def newest_trade_id(self, venue_symbol: str) -> int:
        """In the id space of the stream; -1: it never traded."""
        if self.kind.derivative:  # the 24 h ticker counts what is not aggregated
            newest = await self._past_trades({"symbol": venue_symbol, "limit": 1})
            return newest[-1].trade_id if newest else -1
        path, params = f"{self._api}/ticker/24hr", {"symbol": venue_symbol}
        return (await self._client.get(path, params, _LAST, weight=self._weights.newest, share=0.9)).last_id

    async def _past_trades(self, params: Mapping[str, str | int]) -> list[PastTrade]:
        path, weight = f"{self._api}/{self.kind.trades}", self._weights.trades
        if self.kind.derivative:
            return [*await self._client.get(path, params, _AGGREGATES, weight=weight, share=0.9)]
        return [*await self._client.get(path, params, _TRADES, weight=weight, share=0.9)]

    async def clock_offset_ns(self) -> int:
        """The exchange's clock minus ours."""

        async def server_ns() -> int:
            server = await self._client.get(f"{self._api}/time", {}, _TIME, weight=1, share=1.0)
            # whole milliseconds are cut off, on average half a one
            return server.time * 1_000_000 + 500_000

        return await measured_offset_ns(server_ns, self._wall_ns)

    async def close(self) -> None:
        await self._client.close()
