"""Binance behind the market data port; the demo market speaks the same and is reached by its addresses."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ConfigError, ProtocolError
from alphaplus_tui.exchanges.binance.dialect import BinanceDialect
from alphaplus_tui.exchanges.binance.frames import Kline
from alphaplus_tui.exchanges.binance.kinds import SPOT, USD_M
from alphaplus_tui.exchanges.binance.listing import Listing
from alphaplus_tui.exchanges.binance.rest import MOST_CANDLES, MOST_TRADES, BinanceRest, PastTrade
from alphaplus_tui.exchanges.registry import DEMO, Tap
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.feed import Feed
from alphaplus_tui.exchanges.shared.markets import Markets
from alphaplus_tui.exchanges.shared.parsing import LARGEST_ID, to_ns
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import Received


class BinanceMarketData:
    """Spot markets. ``rest_url`` and ``ws_url`` replace scheme, host and port; the paths stay Binance's."""

    kind = SPOT

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
        if exchange == DEMO and not (rest_url and ws_url):
            raise ConfigError("the demo market has no addresses of its own: give exchange.rest_url and exchange.ws_url")
        self.exchange = exchange
        self._market = market
        self._rest = BinanceRest(
            self.kind,
            rest_url,
            clock=clock,
            market=market,
            requests=meters.counter("rest_requests", (("exchange", exchange),)),
        )
        # each demo market may have other instruments, and is near enough to ask
        cache = None if exchange == DEMO else cache_dir / f"markets-{exchange}.json"
        listing = Listing(exchange, self._rest)
        self._markets = Markets(exchange, listing.ask, cache, market)
        dialect = BinanceDialect(exchange, ws_url, self._rest)
        self._feed = Feed(dialect, clock=clock, market=market, meters=meters, tap=tap, rng=rng, habits=habits)

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return await self._markets.find(symbols)

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._feed.open(instruments, channels)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        candles: list[Candle] = []
        since_ms = -(-since // 1_000_000)
        while len(candles) < limit:
            wanted = min(MOST_CANDLES, limit - len(candles))
            rows = await self._rest.klines(instrument.venue_symbol, timeframe, since_ms=since_ms, limit=wanted)
            now = self._market.now()
            candles += [_candle(instrument, timeframe, row, now) for row in rows]
            if len(rows) < wanted:
                break
            since_ms = candles[-1].close_time // 1_000_000
        return tuple(candles)

    async def trades(
        self,
        instrument: Instrument,
        *,
        from_seq: int,
        since: int,  # noqa: ARG002 - the port's; numbers are exact
        limit: int,
    ) -> tuple[Trade, ...]:
        rows = await self._rest.trades_from(
            instrument.venue_symbol, from_id=max(0, from_seq), limit=min(limit, MOST_TRADES)
        )
        ts_recv = self._market.now()
        return tuple(_trade(instrument, row, ts_recv) for row in rows if row.trade_id >= from_seq)

    async def clock_offset_ns(self) -> int:
        return await self._rest.clock_offset_ns()

    async def close(self) -> None:
        await self._rest.close()


class BinanceFuturesMarketData(BinanceMarketData):
    """USD-M futures: ``BTC/USDT:USDT``. A trade is what one taker took at one price, as ``aggTrade`` numbers it."""

    kind = USD_M


def _candle(instrument: Instrument, timeframe: Timeframe, row: Kline, now: int) -> Candle:
    opened, open_, high, low, close, volume, closes, _, trades, bought, _, _ = row
    ordered = 0 < low <= open_ <= high < 1e13 and low <= close <= high
    if not (ordered and 0 <= volume < 1e16 and 0 <= opened < LARGEST_ID):
        raise ProtocolError(f"a candle of {instrument.symbol} that cannot be: {row!r}")
    return Candle(
        instrument=instrument.id,
        timeframe=timeframe,
        open_time=to_ns(opened),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        trades=trades,
        buy_volume=bought,
        provenance=Provenance.BACKFILLED,
        forming=to_ns(closes) >= now,
    )


def _trade(instrument: Instrument, row: PastTrade, ts_recv: int) -> Trade:
    number, price, quantity = row.trade_id, row.price, row.quantity
    if not (0 < price < 1e13 and 0 < quantity < 1e16 and 0 <= number <= LARGEST_ID and 0 < row.time < LARGEST_ID):
        raise ProtocolError(f"a trade of {instrument.symbol} that cannot be: {row!r}")
    side = Side.SELL if row.buyer_is_maker else Side.BUY
    return Trade(
        instrument.id, str(number), number, price, quantity, side, to_ns(row.time), ts_recv, Provenance.BACKFILLED
    )
