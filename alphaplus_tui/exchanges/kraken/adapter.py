"""Kraken spot behind the market data port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from random import Random

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Channel, Side, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import SECOND_NS, Timeframe
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.kraken.dialect import KrakenDialect
from alphaplus_tui.exchanges.kraken.frames import Pair, PastTrade
from alphaplus_tui.exchanges.kraken.rest import MOST_CANDLES, MOST_TRADES, KrakenRest
from alphaplus_tui.exchanges.kraken.symbols import MINUTES, stream_name, unified
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.feed import Feed
from alphaplus_tui.exchanges.shared.markets import Markets
from alphaplus_tui.exchanges.shared.past import candles_of, in_turn, past_candle, past_trade
from alphaplus_tui.exchanges.shared.times import decimal_seconds_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import Received

REST_URL = "https://api.kraken.com"
WS_URL = "wss://ws.kraken.com"
_SIDES = {"b": Side.BUY, "s": Side.SELL}
_MICROSECONDS = 6
"""REST has a digit more than the streams; the same trade must have the same time."""
_PAGES = 5
"""Asked for in one call, until one holds something that is wanted."""


class KrakenMarketData:
    """Spot markets. ``rest_url`` and ``ws_url`` replace scheme, host and port; the paths stay Kraken's."""

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
        requests = meters.counter("rest_requests", (("exchange", exchange),))
        self._rest = KrakenRest(rest_url or REST_URL, clock=clock, market=market, requests=requests)
        self._markets = Markets(exchange, self._listed, cache_dir / f"markets-{exchange}.json", market)
        dialect = KrakenDialect(exchange, ws_url or WS_URL, self._rest)
        self._feed = Feed(dialect, clock=clock, market=market, meters=meters, tap=tap, rng=rng, habits=habits)
        self._reached: dict[InstrumentId, tuple[int, int]] = {}
        """How far a fetch of old trades came: the number of its last trade, and from where (ns) to go on."""

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return await self._markets.find(symbols)

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._feed.open(instruments, channels)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        """Kraken serves the newest 720 of a timeframe and none before."""

        async def fetch(known: Timeframe, first: int, count: int) -> tuple[Candle, ...]:
            since_s = -(-first // SECOND_NS)
            rows = await self._rest.candles(instrument.venue_symbol, MINUTES[known], since_s=since_s)
            now = self._market.now()
            return tuple(
                past_candle(instrument, known, row[0] * SECOND_NS, row[1:5], volume=row[6], trades=row[7], now=now)
                for row in rows[:count]
            )

        limit = min(limit, MOST_CANDLES)
        return await candles_of(fetch, MINUTES, self.exchange, timeframe, since=since, limit=limit)

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        number, reached = self._reached.get(instrument.id, (from_seq, 0))
        if number < from_seq:
            since = max(since, reached)
        for _ in range(_PAGES):
            ask = partial(self._rest.trades, instrument.venue_symbol, since=since, limit=MOST_TRADES)
            rows, following = await in_turn(ask, self._clock)
            wanted = [row for row in rows if row[6] >= from_seq][:limit]
            if wanted:
                ts_recv = self._market.now()
                page = tuple(_trade(instrument, row, ts_recv) for row in wanted)
                self._reached[instrument.id] = page[-1].seq, page[-1].ts_event
                return page
            if len(rows) < MOST_TRADES or following <= since:
                break
            since = following
        return ()

    async def clock_offset_ns(self) -> int:
        return await self._rest.clock_offset_ns()

    async def close(self) -> None:
        await self._rest.close()

    async def _listed(self, symbols: Sequence[str]) -> list[Instrument]:
        pairs = (await self._rest.pairs()).values()
        return [self._instrument(pair) for pair in pairs if pair.wsname and (symbols or pair.status == "online")]

    def _instrument(self, pair: Pair) -> Instrument:
        name = stream_name(clean(pair.wsname, limit=80))
        base, _, quote = name.partition("/")
        base, quote = unified(base), unified(quote)
        price_step = pair.price_step if pair.price_step > 0 else float(f"1e-{pair.price_decimals}")
        quantity_step = float(f"1e-{pair.quantity_decimals}")
        return Instrument(self.exchange, f"{base}/{quote}", name, base, quote, price_step, quantity_step)


def _trade(instrument: Instrument, row: PastTrade, ts_recv: int) -> Trade:
    price, quantity, time, side, _, _, number = row
    try:
        ts_event = decimal_seconds_ns(bytes(time).decode(), digits=_MICROSECONDS)
    except ValueError as error:
        raise ProtocolError(f"a trade of {instrument.symbol} that cannot be: {error}") from error
    return past_trade(instrument, number, price, quantity, side=_SIDES.get(side), ts_event=ts_event, ts_recv=ts_recv)
