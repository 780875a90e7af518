"""Any exchange that ccxt knows, behind the market data port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ConfigError
from alphaplus_tui.exchanges.ccxt.feed import CcxtFeed
from alphaplus_tui.exchanges.ccxt.library import Library
from alphaplus_tui.exchanges.ccxt.quirks import Quirks, quirks_of
from alphaplus_tui.exchanges.ccxt.rest import CcxtRest
from alphaplus_tui.exchanges.ccxt.values import instrument_of
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.markets import Markets
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import Received


class CcxtMarketData:
    """Streams where the exchange has them, questions at intervals where it has not; candles only by REST."""

    told_timeframe: Timeframe | None = None

    def __init__(
        self,
        exchange: str,
        *,
        rest_url: str | None,
        ws_url: str | None,
        cache_dir: Path,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
        tap: Tap | None = None,
        rng: Random | None = None,
        habits: Habits | None = None,
        quirks: Quirks | None = None,
        library_name: str | None = None,
    ) -> None:
        """library_name: ccxt's name of the exchange, where it is not ``exchange``."""
        if tap is not None:
            raise ConfigError(f"{exchange} cannot be recorded: its frames are heard by ccxt, not by AlphaPlus")
        self.exchange = exchange
        quirks = quirks or quirks_of(library_name or exchange)
        library = Library(library_name or exchange, rest_url=rest_url, ws_url=ws_url, without=quirks.without)
        self._library = library
        self._rest = CcxtRest(
            library,
            quirks,
            clock=clock,
            market=market,
            requests=meters.counter("rest_requests", (("exchange", exchange),)),
        )
        self._numbered = quirks.numbered
        self._markets = Markets(exchange, self._ask_for, cache_dir / f"markets-{exchange}.json", market)
        self._feed = CcxtFeed(
            exchange,
            library,
            self._rest,
            clock=clock,
            market=market,
            rng=rng or Random(),  # noqa: S311 - spreads retries in time
            habits=habits or Habits(),
        )

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return await self._markets.find(symbols)

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._feed.open(instruments, channels)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        return tuple(await self._rest.candles(instrument, timeframe, since=since, limit=limit))

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        return tuple(await self._rest.trades(instrument, from_seq=from_seq, since=since, limit=limit))

    async def clock_offset_ns(self) -> int:
        return await self._rest.clock_offset_ns()

    async def close(self) -> None:
        await self._library.close()

    async def _ask_for(self, symbols: Sequence[str]) -> list[Instrument]:
        markets, precision_mode = await self._rest.markets()
        rows = [markets[symbol] for symbol in symbols if symbol in markets]
        if len(rows) < len(symbols) or not symbols:
            rows = [row for row in markets.values() if row.get("active") is not False]
        return [instrument_of(self.exchange, row, precision_mode, numbered=self._numbered) for row in rows]
