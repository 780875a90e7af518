"""What we ask of Kraken's REST."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec.json import Decoder

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError, ProtocolError, RateLimited, VenueUnavailable
from alphaplus_tui.exchanges.kraken.frames import CandleRow, Pair, PastTrade, RestAnswer, ServerTime
from alphaplus_tui.exchanges.kraken.symbols import rest_name
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.http import RestClient
from alphaplus_tui.exchanges.shared.offset import offset_of_whole_seconds
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

T = TypeVar("T")

MOST_CANDLES = 720
"""The newest ones; none older are served, whatever is asked for."""
MOST_TRADES = 1000
_REQUESTS, _SPAN_S = 10, 10.0
"""Kraken counts about one a second for each address, and bears a few at once."""
_DOUBTS_SHARE = 0.4
"""Of the budget, for asking whether a quiet instrument is mute; the rest is left to missing trades and to history."""
_WAIT_S = 15.0
"""After too many requests; Kraken does not say how long."""
_LAST = "last"

_PAIRS = Decoder(RestAnswer[dict[str, Pair]], strict=False)
_CANDLES = Decoder(RestAnswer[dict[str, list[CandleRow] | int]], strict=False)
_TRADES = Decoder(RestAnswer[dict[str, list[PastTrade] | str]], strict=False)
_TIME = Decoder(RestAnswer[ServerTime], strict=False)


class KrakenRest:
    """Every method raises what ``RestClient.get`` does. Symbols are those of the streams."""

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
        self._client = RestClient(url, budget, requests=requests)
        self._clock, self._wall_ns = clock, wall_ns

    async def pairs(self) -> dict[str, Pair]:
        """All that are listed, by their name in REST."""
        return await self._get("AssetPairs", {}, _PAIRS)

    async def candles(self, symbol: str, minutes: int, *, since_s: int) -> list[CandleRow]:
        """Of the newest 720 those that open at or after ``since_s``, oldest first; the last is forming."""
        params = {"pair": rest_name(symbol), "interval": minutes, "since": since_s - 1}
        found = await self._get("OHLC", params, _CANDLES)
        rows = _rows(found)
        return [row for row in rows if row[0] >= since_s]

    async def trades(self, symbol: str, *, since: int, limit: int) -> tuple[list[PastTrade], int]:
        """Those at or after ``since`` (UTC ns), oldest first, and from where the next ones are to be asked for.

        since: 0 asks for the newest.
        """
        params: dict[str, str | int] = {"pair": rest_name(symbol), "count": min(limit, MOST_TRADES)}
        if since > 0:
            params["since"] = str(since - 1)
        return _page(await self._get("Trades", params, _TRADES))

    async def newest_trade(self, symbol: str) -> int:
        """Its number; -1: it never traded."""
        params: dict[str, str | int] = {"pair": rest_name(symbol), "count": 1}
        rows, _ = _page(await self._get("Trades", params, _TRADES, share=_DOUBTS_SHARE))
        return max((row[6] for row in rows), default=-1)

    async def clock_offset_ns(self) -> int:
        """The exchange's clock minus ours, though it only says whole seconds."""

        async def second() -> int:
            return (await self._get("Time", {}, _TIME)).unixtime

        return await offset_of_whole_seconds(second, clock=self._clock, wall_ns=self._wall_ns)

    async def close(self) -> None:
        await self._client.close()

    async def _get(
        self, what: str, params: dict[str, str | int], decoder: "Decoder[RestAnswer[T]]", *, share: float = 1.0
    ) -> T:
        path = f"/0/public/{what}"
        answer = await self._client.get(path, params, decoder, weight=1, share=share)
        if answer.error or answer.result is None:
            raise self._refusal(path, "; ".join(answer.error) or "no result")
        return answer.result

    def _refusal(self, path: str, said: str) -> AlphaPlusError:
        words = clean(said, limit=200)
        if "Rate limit" in said or "Too many requests" in said:
            return self._client.heed(RateLimited(f"asked to wait ({words})", retry_after_s=_WAIT_S))
        if said.startswith(("EService", "EGeneral:Internal")):
            return VenueUnavailable(f"{path}: {words}")
        return ProtocolError(f"{path}: {words}")


def _page(found: dict[str, list[PastTrade] | str]) -> tuple[list[PastTrade], int]:
    last = found.get(_LAST, "0")
    if not (isinstance(last, str) and last.isdecimal()):
        raise ProtocolError("/0/public/Trades: not as expected: it does not say where the next page begins")
    return _rows(found), int(last)


def _rows(found: Mapping[str, list[T] | int | str]) -> list[T]:
    """What stands under the pair's name, which need not be the one that was asked for."""
    for value in found.values():
        if isinstance(value, list):
            return value
    return []
