"""A stream of many instruments: its lines, and those who watch over them."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

from alphaplus_tui.domain.events import FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.errors import Disconnected
from alphaplus_tui.exchanges.ccxt.library import Library, Venue
from alphaplus_tui.exchanges.ccxt.line import Line, Said
from alphaplus_tui.exchanges.ccxt.rest import CcxtRest
from alphaplus_tui.exchanges.ccxt.silence import Silence
from alphaplus_tui.exchanges.ccxt.sources import BookSource, PriceSource, Source, TradeSource
from alphaplus_tui.exchanges.ccxt.ways import BEST, BOOKS, TICKERS, TRADES, Share, Way, shares
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.crew import Crew
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import Received

_ASKED_EVERY_S = {TRADES.name: 1.0, BOOKS.name: 2.0, TICKERS.name: 2.0}
_SAME_TRADE_NS = 1_000_000_000
"""By so much may a stream's time of a trade differ from REST's."""
_PRICES = frozenset({Channel.TICKER, Channel.STATISTICS})


class CcxtFeed:
    """Makes streams; one at a time."""

    def __init__(
        self,
        exchange: str,
        library: Library,
        rest: CcxtRest,
        *,
        clock: Clock,
        market: MarketClock,
        rng: Random,
        habits: Habits,
    ) -> None:
        self._exchange, self._library, self._rest = exchange, library, rest
        self._clock, self._market, self._rng, self._habits = clock, market, rng, habits

    @asynccontextmanager
    async def open(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        mailbox = Mailbox()
        patience = self._habits.patience
        pulses = Pulses(instruments, self._newest, self._clock, noticed_within_s=patience.first_data_within_s)

        async def follow() -> None:
            lines = self._lines(await self._library.venue(), tuple(instruments), channels, mailbox, pulses)
            silence = Silence(lines, self._library.ear, pulses, clock=self._clock, patience=patience)
            for line in lines:
                crew.start(line.run(), name=line.name)
            crew.start(silence.watch(), name=f"{self._exchange} silence")
            if Channel.TRADE in channels:
                crew.start(pulses.watch(_hang_up(lines)), name=f"{self._exchange} pulses")

        def rejected(reason: str, text: str) -> None:
            event = FrameRejected(self._exchange, self._exchange, reason, text, self._market.now())
            mailbox.put(Received(self._library.ear.received_ns, (event,)))

        self._library.ear.on_rejected = rejected
        try:
            async with Crew(self._clock, mailbox.fail) as crew:
                crew.start(follow(), name=f"{self._exchange} lines")
                yield mailbox
        finally:
            await self._library.hang_up()

    def _lines(
        self,
        venue: Venue,
        instruments: tuple[Instrument, ...],
        channels: frozenset[Channel],
        mailbox: Mailbox,
        pulses: Pulses,
    ) -> list[Line]:
        lines: list[Line] = []

        def add(
            way: Way, heard: frozenset[Channel], ask_of: Callable[[Source, Share], Callable[[], Awaitable[Said]]]
        ) -> None:
            for share in shares(venue, way, instruments):
                source = Source(
                    f"{self._exchange}-{share.name}",
                    self._exchange,
                    share.instruments,
                    library=self._library,
                    rest=self._rest,
                    market=self._market,
                    sparing=mailbox,
                )
                pause_s = 0.0 if share.method else _ASKED_EVERY_S[way.name]
                line = self._line(source, heard, ask_of(source, share), mailbox, pause_s)
                source.on_hole = line.missed
                lines.append(line)

        if Channel.TRADE in channels:
            add(TRADES, frozenset({Channel.TRADE}), lambda source, share: TradeSource(source, share, pulses).next)
        if Channel.BOOK in channels:
            add(BOOKS, frozenset({Channel.BOOK}), lambda source, share: BookSource(source, share).next)
        prices = channels & _PRICES
        if Channel.TICKER in prices and venue.has.get(BEST.together):
            best = frozenset({Channel.TICKER})
            add(BEST, best, lambda source, share: PriceSource(source, share, best, cache="bidsasks").next)
            prices -= best
        if prices:
            add(TICKERS, prices, lambda source, share: PriceSource(source, share, prices, cache="tickers").next)
        return lines

    def _line(
        self,
        source: Source,
        channels: frozenset[Channel],
        ask: Callable[[], Awaitable[Said]],
        mailbox: Mailbox,
        pause_s: float,
    ) -> Line:
        return Line(
            source.name,
            self._exchange,
            tuple(source.instruments.values()),
            tuple(channels),
            ask,
            mailbox=mailbox,
            clock=self._clock,
            market=self._market,
            rng=self._rng,
            habits=self._habits,
            pause_s=pause_s,
        )

    async def _newest(self, instrument: Instrument) -> int:
        trades = await self._rest.latest_trades(instrument)
        if not trades:
            return -1
        return trades[-1].seq if instrument.numbered else trades[-1].seq - _SAME_TRADE_NS


def _hang_up(lines: Sequence[Line]) -> Callable[[Instrument], Awaitable[None]]:
    """ccxt cannot end one subscription on every exchange: the connection that has it is begun anew."""

    async def hang_up(instrument: Instrument) -> None:
        for line in lines:
            if Channel.TRADE in line.channels and instrument in line.instruments and line.client is not None:
                line.client.on_error(Disconnected(f"{instrument.symbol} is silent, others are not"))

    return hang_up
