"""What a line waits for: the next of a stream, or the answer to a question, made into events."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from msgspec import structs

from alphaplus_tui.domain.events import FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Provenance, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.ccxt.library import Library, Row
from alphaplus_tui.exchanges.ccxt.line import Said
from alphaplus_tui.exchanges.ccxt.prints import Prints
from alphaplus_tui.exchanges.ccxt.rest import CcxtRest
from alphaplus_tui.exchanges.ccxt.values import book_of, statistics_of, ticker_of
from alphaplus_tui.exchanges.ccxt.ways import Share, all_tickers
from alphaplus_tui.exchanges.shared.parsing import Unusable
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.ports.market_data import FeedEvent

_OF_BEFORE_NS = 5_000_000_000
"""What an exchange repeats of its past when it is asked is not told, if it is older than the stream by so much."""

T = TypeVar("T")


class Sparing(Protocol):
    """Whether the reader is far behind."""

    @property
    def overloaded(self) -> bool: ...


class Source:
    """What sources of one stream share."""

    def __init__(
        self,
        name: str,
        exchange: str,
        instruments: Sequence[Instrument],
        *,
        library: Library,
        rest: CcxtRest,
        market: MarketClock,
        sparing: Sparing,
        on_hole: Callable[[str], None] = lambda _: None,
    ) -> None:
        """on_hole: told that trades may be missing, before those after the hole are told."""
        self.name, self.exchange, self.instruments = name, exchange, {i.symbol: i for i in instruments}
        self.library, self.rest, self.market, self.sparing = library, rest, market, sparing
        self.on_hole = on_hole

    def rejected(self, reason: str, text: str = "") -> FrameRejected:
        return FrameRejected(self.exchange, self.name, reason, clean(text, limit=400), self.market.now())

    def made(self, make: Callable[[Instrument, Row, int], T | None], instrument: Instrument, row: Row) -> list[Any]:
        """What ``row`` says, or that it cannot be used."""
        try:
            event = make(instrument, row, self.market.now())
        except Unusable as error:
            return [self.rejected(f"{instrument.symbol}: {error}")]
        return [] if event is None else [event]


class TradeSource:
    """Trades of some instruments, each once."""

    def __init__(self, source: Source, share: Share, pulses: Pulses) -> None:
        self._source, self._share, self._pulses = source, share, pulses
        self._prints = {symbol: Prints(instrument) for symbol, instrument in source.instruments.items()}
        self._since = source.market.now() - _OF_BEFORE_NS

    async def next(self) -> Said:
        source = self._source
        if not self._share.method:
            return await self._asked()
        venue = await source.library.venue()
        await self._share.next(venue)
        events: list[FeedEvent] = []
        # what ccxt returns is one instrument's; others may have been heard of since the last time
        for symbol, prints in self._prints.items():
            cache = venue.trades.get(symbol)
            if cache:
                rows, overrun = prints.tail(cache)
                if rows:
                    events += self._read(prints, rows, overrun=overrun)
        return source.library.ear.received_ns, events

    async def _asked(self) -> Said:
        events: list[FeedEvent] = []
        for symbol, prints in self._prints.items():
            trades = await self._source.rest.latest_trades(self._source.instruments[symbol])
            events += self._new(prints, trades, overrun=True)
        return time.perf_counter_ns(), events

    def _read(self, prints: Prints, rows: Sequence[Row], *, overrun: bool) -> list[FeedEvent]:
        trades, wrong = prints.read(rows, self._source.market.now(), Provenance.LIVE)
        return [*map(self._source.rejected, wrong), *self._new(prints, trades, overrun=overrun)]

    def _new(self, prints: Prints, trades: Sequence[Trade], *, overrun: bool) -> list[Trade]:
        fresh, all_new = prints.new(trades)
        if overrun and all_new:
            self._source.on_hole("more trades at once than the exchange's answer holds")
        if fresh:
            pulse = self._pulses.of(fresh[-1].instrument)
            pulse.trades += len(fresh)
            pulse.last_seq = max(pulse.last_seq, fresh[-1].seq)
        return [
            trade if trade.provenance is Provenance.LIVE else structs.replace(trade, provenance=Provenance.LIVE)
            for trade in fresh
            if trade.ts_event >= self._since
        ]


class PriceSource:
    """Best prices and statistics of the last 24 hours, whichever of the two a stream has."""

    def __init__(self, source: Source, share: Share, channels: frozenset[Channel], *, cache: str) -> None:
        """cache: ccxt's name of where it keeps what it heard, ``tickers`` or ``bidsasks``."""
        self._source, self._share, self._channels, self._cache = source, share, channels, cache
        self._last: dict[str, Row] = {}

    async def next(self) -> Said:
        source = self._source
        if not self._share.method:
            rows = await source.rest.ask(lambda venue: all_tickers(venue, tuple(source.instruments)))
            return time.perf_counter_ns(), self._read(rows)
        venue = await source.library.venue()
        told = await self._share.next(venue)
        kept = cast("Mapping[str, Row]", getattr(venue, self._cache))
        rows = dict(_by_symbol(told))
        rows.update((symbol, kept[symbol]) for symbol in source.instruments if symbol in kept)
        return source.library.ear.received_ns, self._read(rows)

    def _read(self, rows: Mapping[str, Row]) -> list[FeedEvent]:
        source, events = self._source, list[FeedEvent]()
        for symbol, row in rows.items():
            instrument = source.instruments.get(symbol)
            if instrument is None or self._last.get(symbol) is row or source.sparing.overloaded:
                continue
            self._last[symbol] = row
            if Channel.TICKER in self._channels:
                events += source.made(ticker_of, instrument, row)
            if Channel.STATISTICS in self._channels:
                events += source.made(statistics_of, instrument, row)
        return events


class BookSource:
    """Order books of some instruments; ccxt keeps them whole."""

    def __init__(self, source: Source, share: Share) -> None:
        self._source, self._share = source, share
        self._last: dict[str, tuple[object, ...]] = {}

    async def next(self) -> Said:
        source = self._source
        if not self._share.method:
            return await self._asked()
        venue = await source.library.venue()
        await self._share.next(venue)
        events: list[FeedEvent] = []
        for symbol in source.instruments:
            if symbol in venue.orderbooks:
                events += self._changed(symbol, venue.orderbooks[symbol])
        return source.library.ear.received_ns, events

    async def _asked(self) -> Said:
        events: list[FeedEvent] = []
        for symbol in self._source.instruments:
            row = await self._source.rest.ask(lambda venue, symbol=symbol: venue.fetch_order_book(symbol))
            events += self._changed(symbol, row)
        return time.perf_counter_ns(), events

    def _changed(self, symbol: str, row: Row) -> list[FeedEvent]:
        look = (row.get("nonce"), row.get("timestamp"), *_top(row["bids"]), *_top(row["asks"]))
        if self._last.get(symbol) == look or self._source.sparing.overloaded:
            return []
        self._last[symbol] = look
        return self._source.made(book_of, self._source.instruments[symbol], row)


def _top(side: Sequence[Sequence[object]]) -> Iterable[object]:
    return (number for level in side[:5] for number in level[:2])


def _by_symbol(told: object) -> Mapping[str, Row]:
    """One ticker, or several by symbol, as ccxt likes."""
    if not isinstance(told, Mapping):
        return {}
    rows = cast("Mapping[str, Any]", told)
    return {str(rows["symbol"]): rows} if "symbol" in rows and "info" in rows else rows
