"""What the adapters of native venues are put together from; each adds its REST, its dialect and its past."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from typing import ClassVar, Generic, Protocol, TypeVar

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.dialect import Dialect
from alphaplus_tui.exchanges.shared.feed import Feed
from alphaplus_tui.exchanges.shared.markets import Markets
from alphaplus_tui.exchanges.shared.past import Reached
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Counter, Meters
from alphaplus_tui.ports.market_data import Received


class Rest(Protocol):
    """What every venue's REST can do."""

    async def clock_offset_ns(self) -> int: ...

    async def close(self) -> None: ...


R = TypeVar("R", bound=Rest)


class NativeMarketData(ABC, Generic[R]):
    """The port, less ``candles`` and ``trades``. ``rest_url`` and ``ws_url`` replace scheme, host and port."""

    told_timeframe: Timeframe | None = None
    usual_habits: ClassVar[Habits] = Habits()

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
    ) -> None:
        self.exchange, self._clock, self._market = exchange, clock, market
        self._reached = Reached()
        self._rest = self._make_rest(rest_url, meters.counter("rest_requests", (("exchange", exchange),)))
        cache = cache_dir / f"markets-{exchange}.json" if self._keeps_markets() else None
        self._markets = Markets(exchange, self._listed, cache, market)
        habits = habits or self.usual_habits
        self.dialect = self._make_dialect(ws_url)
        self._feed = Feed(self.dialect, clock=clock, market=market, meters=meters, tap=tap, rng=rng, habits=habits)

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return await self._markets.find(symbols)

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._feed.open(instruments, channels)

    @abstractmethod
    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]: ...

    @abstractmethod
    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]: ...

    async def clock_offset_ns(self) -> int:
        return await self._rest.clock_offset_ns()

    async def close(self) -> None:
        await self._rest.close()

    @abstractmethod
    def _make_rest(self, url: str | None, requests: Counter) -> R:
        """url: instead of the venue's own. requests: counts what is asked."""

    @abstractmethod
    def _make_dialect(self, url: str | None) -> Dialect:
        """url: instead of the venue's own. Its REST was made before."""

    @abstractmethod
    async def _listed(self, symbols: Sequence[str]) -> Iterable[Instrument]:
        """As ``Markets`` asks."""

    def _keeps_markets(self) -> bool:
        """Whether the list of instruments is worth keeping on disk."""
        return True
