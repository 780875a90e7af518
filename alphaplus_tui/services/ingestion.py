"""Brings what an exchange says onto the bus."""

import asyncio
from collections.abc import Sequence
from random import Random
from time import perf_counter_ns

import structlog

from alphaplus_tui.domain.events import (
    CandleTold,
    ExchangeChanged,
    ExchangeState,
    FeedConnected,
    FeedLost,
    FeedMute,
    FeedRenewed,
    FrameRejected,
    InstrumentsKnown,
    OrderBookChanged,
    RecordingEnded,
    StatisticsChanged,
    TickerChanged,
    TradeReceived,
)
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.errors import FatalError, RateLimited, TransientError
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Counter, Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.market_data import FeedEvent, MarketData
from alphaplus_tui.services.roster import Roster

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_READY_WITHIN_S = 2.0


class IngestionService:
    """Subscribes to one exchange, or plays a recording of one to its end."""

    uses: tuple[str, ...] = ()

    def __init__(
        self,
        market_data: MarketData,
        bus: Bus,
        *,
        symbols: Sequence[str] | None,
        channels: frozenset[Channel],
        market: MarketClock,
        meters: Meters,
        rng: Random,
        roster: Roster | None = None,
        name: str = "ingestion",
        backfill: str = "backfill",
    ) -> None:
        """symbols: what to follow, in this order; all that the exchange has when empty; None: nothing for now.
        roster: shared by those who follow other exchanges.
        backfill: the service that fetches what this one misses.
        """
        self.name = name
        self.after: tuple[str, ...] = ("persistence", "projection", "continuity", "candles", backfill)
        self._roster = roster or Roster()
        self._data, self._bus, self._market, self._rng = market_data, bus, market, rng
        self._symbols, self._channels = symbols, channels
        self._wire_to_state = meters.histogram("wire_to_state")
        self._rejected = meters.counter("frames_rejected")
        self._reconnects = meters.counter("reconnects")
        self._messages: dict[type, Counter] = {
            kind: meters.counter("messages", (("exchange", market_data.exchange), ("channel", channel)))
            for kind, channel in (
                (Trade, Channel.TRADE),
                (Ticker, Channel.TICKER),
                (OrderBook, Channel.BOOK),
                (DayStatistics, Channel.STATISTICS),
                (Candle, Channel.CANDLE),
            )
        }
        self._connected_before: set[str] = set()
        self._ended = False

    async def run(self, life: Life) -> None:
        if self._symbols is None:
            life.ready()
            life.degraded("stands by: others follow all instruments")
            await asyncio.Event().wait()
        try:
            instruments = await self._instruments(life, self._symbols or ())
        except FatalError as error:
            self._changed(ExchangeState.FAILED, str(error))
            raise
        self._bus.publish(InstrumentsKnown(self._roster.put(self._data.exchange, instruments)))
        self._changed(ExchangeState.FOLLOWED, "")
        if not self._ended:
            await self._stream(life, instruments)
        await asyncio.Event().wait()  # a recording has ended, and the service stays what it is

    async def _instruments(self, life: Life, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        attempt = 0
        while True:
            try:
                instruments = await self._asked(life, symbols)
            except TransientError as error:
                life.degraded(f"{self._data.exchange} does not answer: {error}")
                self._changed(ExchangeState.AWAY, str(error))
                if not attempt:
                    log.warning("exchange_away", exchange=self._data.exchange, error=str(error))
                life.ready()
                delay_s = full_jitter_s(attempt, base_s=0.25, cap_s=30.0, rng=self._rng)
                if isinstance(error, RateLimited):
                    delay_s = max(delay_s, error.retry_after_s)
                attempt += 1
                await life.clock.sleep(delay_s)
            else:
                life.healthy()
                return instruments

    async def _asked(self, life: Life, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Whoever starts does not wait long for an exchange, nor for the library that speaks to it."""
        asking = asyncio.ensure_future(self._data.instruments(symbols))
        try:
            await asyncio.wait({asking}, timeout=_READY_WITHIN_S)
            if not asking.done():
                life.ready()
            return await asking
        finally:
            asking.cancel()

    def _changed(self, state: ExchangeState, reason: str) -> None:
        self._bus.publish(ExchangeChanged(self._data.exchange, state, reason, self._market.now()))

    async def _stream(self, life: Life, instruments: tuple[Instrument, ...]) -> None:
        give_way = GiveWay()
        publish, observe = self._publish, self._wire_to_state.observe
        async with self._data.stream(instruments, self._channels) as frames:
            life.ready()
            async for received in frames:
                for event in received.events:
                    publish(event, life)
                observe((perf_counter_ns() - received.received_ns) * 1e-9)
                await give_way()
        self._ended = True
        self._bus.publish(RecordingEnded(self._data.exchange, self._market.now()))

    def _publish(self, event: FeedEvent, life: Life) -> None:
        publish = self._bus.publish
        counter = self._messages.get(type(event))
        if counter is not None:
            counter.value += 1
        if isinstance(event, Trade):
            publish(TradeReceived(event))
        elif isinstance(event, Ticker):
            publish(TickerChanged(event))
        elif isinstance(event, OrderBook):
            publish(OrderBookChanged(event))
        elif isinstance(event, DayStatistics):
            publish(StatisticsChanged(event))
        elif isinstance(event, Candle):
            publish(CandleTold(event))
        elif isinstance(event, FrameRejected):
            self._rejected.add()
            publish(event)
        elif isinstance(event, FeedLost):
            life.degraded(f"{event.connection}: {event.reason}")
            log.warning("feed_lost", exchange=event.exchange, connection=event.connection, reason=event.reason)
            publish(event)
        elif isinstance(event, FeedMute | FeedRenewed):
            what = "mute" if isinstance(event, FeedMute) else "subscribed_anew"
            log.info(what, connection=event.connection, instrument=event.instrument)
            publish(event)
        else:
            self._connected(event, life)

    def _connected(self, event: FeedConnected, life: Life) -> None:
        if event.connection in self._connected_before:
            self._reconnects.add()
            log.info("feed_connected_again", exchange=event.exchange, connection=event.connection)
        self._connected_before.add(event.connection)
        life.healthy()
        self._bus.publish(event)
