"""Market data from one exchange, or from a recording of one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FeedMute, FeedRenewed, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe

FeedEvent = (
    Trade
    | Ticker
    | DayStatistics
    | OrderBook
    | Candle
    | FeedConnected
    | FeedLost
    | FeedMute
    | FeedRenewed
    | FrameRejected
)


class Received(Struct, frozen=True, gc=False):
    """What one frame said; a stream yields these."""

    received_ns: int
    """``time.perf_counter_ns()`` at the first line of the handler that took the frame: where latency begins."""
    events: tuple[FeedEvent, ...]


class MarketData(Protocol):
    """One exchange. Adapters return domain values and never see the bus.

    REST calls raise ``RateLimited``, ``VenueUnavailable``, ``Disconnected`` or ``DeadlineExceeded`` (try again),
    ``ProtocolError`` or ``UnknownName`` (do not).
    """

    exchange: str

    @property
    def told_timeframe(self) -> Timeframe | None:
        """Of the candles that the stream tells where ``Channel.CANDLE`` is wanted; None: it tells none.

        Forming ones are told as they change. A closed one is final; where the exchange does not say that a candle
        closed, all of them are told as forming. Provenance BACKFILLED.
        """
        ...

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """The instruments of ``symbols`` in that order, all of the exchange's when it is empty.

        From the cache on disk where there is one. ``UnknownName`` for a symbol that the exchange does not have.
        """
        ...

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        """Subscribe; the iterator outlives lost connections and tells of them (FeedLost, FeedConnected);
        also of the one instrument that fell mute on a connection that goes on (FeedMute, FeedRenewed).

        A recording's iterator ends with the recording; an exchange's does not end.
        """
        ...

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        """At most ``limit`` candles that open at or after ``since`` (UTC ns), oldest first; the last may be forming.

        Provenance BACKFILLED. An exchange with fewer per request is asked several times.
        """
        ...

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        """At most ``limit`` (up to 1,000) trades with ``seq`` at or after ``from_seq``, oldest first.

        since: UTC ns, not later than the first trade wanted; for exchanges that can only be asked by time.
        Provenance BACKFILLED. Where the exchange's past begins later, the answer does; empty when it serves none
        from there on.
        """
        ...

    async def clock_offset_ns(self) -> int:
        """The exchange's clock minus ours, half the round trip taken off."""
        ...

    async def close(self) -> None: ...
