"""What is asked of an exchange by way of ccxt, with deadlines, and not while it wants to be left alone."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import DeadlineExceeded, FatalError, ProtocolError, RateLimited
from alphaplus_tui.exchanges.ccxt.errors import translated
from alphaplus_tui.exchanges.ccxt.library import REST_WITHIN_S, Library, Row, Venue
from alphaplus_tui.exchanges.ccxt.prints import Prints
from alphaplus_tui.exchanges.ccxt.quirks import Quirks
from alphaplus_tui.exchanges.ccxt.values import candle_of
from alphaplus_tui.exchanges.shared.offset import measured_offset_ns
from alphaplus_tui.exchanges.shared.parsing import Unusable
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter

T = TypeVar("T")

_WITHIN_S = 3 * REST_WITHIN_S
"""With the time that ccxt holds a request back for the exchange's rate limit."""
_MARKETS_WITHIN_S = 60.0
_MOST_AT_ONCE = 1000


class CcxtRest:
    """Every method raises RateLimited, VenueUnavailable, Disconnected, DeadlineExceeded or ProtocolError."""

    def __init__(
        self, library: Library, quirks: Quirks, *, clock: Clock, market: MarketClock, requests: Counter
    ) -> None:
        self._library, self._quirks, self._clock, self._market = library, quirks, clock, market
        self._requests = requests
        self._blocked_until = 0.0
        self._banned = False
        self._plain_limits: set[str] = set()
        """Questions whose usual number of rows is not to be argued with."""

    async def ask(self, question: Callable[[Venue], Awaitable[T]], *, within_s: float = _WITHIN_S) -> T:
        venue = await self._library.venue()
        blocked_s = self._blocked_until - self._clock.monotonic()
        if blocked_s > 0:
            what = "banned" if self._banned else "asked to wait"
            raise RateLimited(f"{what} for another {blocked_s:.0f} s", retry_after_s=blocked_s, banned=self._banned)
        self._requests.add()
        try:
            async with asyncio.timeout(within_s):
                return await question(venue)
        except TimeoutError as error:
            raise DeadlineExceeded(f"no answer within {within_s:g} s") from error
        except Exception as error:
            told = translated(error, venue.last_response_headers, venue.last_http_response)
            if isinstance(told, RateLimited):
                self._blocked_until = self._clock.monotonic() + told.retry_after_s
                self._banned = told.banned
            raise told from error

    async def markets(self) -> tuple[Mapping[str, Row], int]:
        """By unified symbol, and what ``precision`` means in them."""
        venue = await self._library.venue()
        return await self.ask(lambda venue: venue.load_markets(), within_s=_MARKETS_WITHIN_S), venue.precisionMode

    async def candles(self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int) -> list[Candle]:
        """Those that open at or after ``since`` (UTC ns), oldest first; none where the exchange has none of them."""
        venue = await self._library.venue()
        if not venue.has.get("fetchOHLCV") or timeframe not in (venue.timeframes or {}):
            return []
        found: dict[int, Candle] = {}
        since_ms = -(-since // 1_000_000)
        while len(found) < limit:
            wanted = min(_MOST_AT_ONCE, limit - len(found))
            rows = await self._rows("candles", wanted, _candles_from(instrument.symbol, timeframe, since_ms))
            now = self._market.now()
            try:
                page = [candle_of(instrument, timeframe, row, now) for row in rows]
            except (Unusable, IndexError, TypeError) as error:
                raise ProtocolError(f"candles of {instrument.symbol}: {error}") from error
            new = {candle.open_time: candle for candle in page if candle.open_time >= since}
            if not new.keys() - found.keys():
                break
            found |= new
            since_ms = max(found[max(found)].close_time // 1_000_000, since_ms + 1)
            if found[max(found)].forming:
                break
        return [found[opens] for opens in sorted(found)][:limit]

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> list[Trade]:
        """Those with ``seq`` from ``from_seq`` on that the exchange still has, oldest first."""
        venue = await self._library.venue()
        if not venue.has.get("fetchTrades"):
            return []
        since_ms = since // 1_000_000 if self._quirks.trades_by_time and since > 0 else None
        trades = await self.latest_trades(instrument, since_ms=since_ms)
        return [trade for trade in trades if trade.seq >= from_seq][:limit]

    async def latest_trades(self, instrument: Instrument, *, since_ms: int | None = None) -> list[Trade]:
        """As many as one answer holds, from ``since_ms`` on or the newest, oldest first."""
        params = self._quirks.trades_params
        rows = await self._rows(
            "trades", _MOST_AT_ONCE, lambda venue, limit: venue.fetch_trades(instrument.symbol, since_ms, limit, params)
        )
        trades, wrong = Prints(instrument).read(rows, self._market.now(), Provenance.BACKFILLED)
        if wrong and not trades:
            raise ProtocolError(f"trades of {instrument.symbol}: {wrong[0]}")
        return trades

    async def clock_offset_ns(self) -> int:
        venue = await self._library.venue()
        if not venue.has.get("fetchTime"):
            raise ProtocolError("the exchange does not tell its time")

        async def server_ns() -> int:
            told = await self.ask(lambda venue: venue.fetch_time())
            if told is None:
                raise ProtocolError("the exchange does not tell its time")
            # whole milliseconds are cut off, on average half a one
            return int(told * 1_000_000) + 500_000

        return await measured_offset_ns(server_ns)

    async def _rows(
        self, what: str, limit: int, question: Callable[[Venue, int | None], Awaitable[Sequence[Any]]]
    ) -> Sequence[Any]:
        """With ``limit``; without one where the exchange refuses it, as its own most is lower."""
        if what not in self._plain_limits:
            try:
                return await self.ask(lambda venue: question(venue, limit))
            except FatalError:
                rows = await self.ask(lambda venue: question(venue, None))
                self._plain_limits.add(what)
                return rows
        return await self.ask(lambda venue: question(venue, None))


def _candles_from(
    symbol: str, timeframe: Timeframe, since_ms: int
) -> Callable[[Venue, int | None], Awaitable[Sequence[Sequence[Any]]]]:
    return lambda venue, limit: venue.fetch_ohlcv(symbol, timeframe, since_ms, limit)
