"""Reads the frames of a recording as the connections that they came over would have."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Provenance, Trade
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.recording import Opening, opening_of
from alphaplus_tui.exchanges.registry import exchange_factory
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.dialect import Dialect
from alphaplus_tui.exchanges.shared.native import NativeMarketData
from alphaplus_tui.exchanges.shared.parsing import Events, FrameParser, NotAskedFor
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters

_NOWHERE = "127.0.0.1"
"""An address for an adapter that is asked nothing."""


class Voices:
    """A parser for each recorded connection; one for all where the recording does not tell them apart."""

    def __init__(
        self,
        exchange: str,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        clock: Clock,
        market: MarketClock,
    ) -> None:
        """Raises ProtocolError where recordings of ``exchange`` cannot be read, UnknownName where there is no such."""
        self._dialect = _dialect_of(exchange, clock, market)
        self._instruments, self._channels = tuple(instruments), channels
        self._pulses = Pulses(instruments, _nothing_newer, clock)
        self._books = Books(instruments, self._dialect.book_rule, NoResync())
        self._of_all = self._parser(self._instruments, channels, self._books)
        self._parsers: dict[int, FrameParser] = {}

    def read(self, connection: int, frame: bytes, ts_recv: int) -> Events:
        """What ``frame`` says; nothing for what is ours. Raises what a parser does, and DamagedLine."""
        opening = opening_of(frame)
        if opening is not None:
            self._parsers[connection] = self._of(opening)
            return ()
        events = self._parsers.get(connection, self._of_all).read(frame, ts_recv)
        return tuple(
            structs.replace(event, provenance=Provenance.REPLAYED) if isinstance(event, Trade) else event
            for event in events
        )

    def _of(self, opening: Opening) -> FrameParser:
        if opening.exchange != self._dialect.exchange:
            return _Deaf(opening.exchange)
        wanted = {instrument.id for instrument in opening.instruments}
        instruments = tuple(instrument for instrument in self._instruments if instrument.id in wanted)
        own = Books(instruments, self._dialect.book_rule, NoResync())
        # snapshots that came over REST are read for all, and belong to every connection's books
        books = own if self._dialect.snapshots is None else self._books
        return self._parser(instruments, self._channels.intersection(opening.channels), books)

    def _parser(self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books) -> FrameParser:
        return self._dialect.parser(instruments, channels, books, self._pulses)


class _Deaf:
    """For a connection to another exchange in the same recording."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange

    def read(self, frame: bytes, ts_recv: int) -> Events:
        del frame, ts_recv
        raise NotAskedFor(f"of {self._exchange}, which is not replayed")


def _dialect_of(exchange: str, clock: Clock, market: MarketClock) -> Dialect:
    adapter = exchange_factory(exchange)(
        exchange,
        rest_url=f"http://{_NOWHERE}",
        ws_url=f"ws://{_NOWHERE}",
        cache_dir=Path(),
        clock=clock,
        market=market,
        meters=Meters(),
    )
    if not isinstance(adapter, NativeMarketData):
        raise ProtocolError(f"recordings of {exchange} cannot be read: AlphaPlus does not speak with it natively")
    return adapter.dialect


async def _nothing_newer(_: Instrument) -> int:
    return -1
