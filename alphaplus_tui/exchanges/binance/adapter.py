"""Binance behind the market data port; the demo market speaks the same and is reached by its addresses."""

from collections.abc import Sequence

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ConfigError
from alphaplus_tui.exchanges.binance.dialect import BinanceDialect
from alphaplus_tui.exchanges.binance.frames import Kline
from alphaplus_tui.exchanges.binance.kinds import SPOT, TOLD, USD_M
from alphaplus_tui.exchanges.binance.listing import Listing
from alphaplus_tui.exchanges.binance.rest import MOST_CANDLES, MOST_TRADES, BinanceRest, PastTrade
from alphaplus_tui.exchanges.registry import DEMO
from alphaplus_tui.exchanges.shared.native import NativeMarketData
from alphaplus_tui.exchanges.shared.parsing import to_ns
from alphaplus_tui.exchanges.shared.past import past_candle, past_trade
from alphaplus_tui.kernel.meters import Counter


class BinanceMarketData(NativeMarketData[BinanceRest]):
    """Spot markets."""

    kind = SPOT
    told_timeframe = TOLD

    def _make_rest(self, url: str | None, requests: Counter) -> BinanceRest:
        return BinanceRest(self.kind, self._address(url), clock=self._clock, market=self._market, requests=requests)

    def _make_dialect(self, url: str | None) -> BinanceDialect:
        return BinanceDialect(self.exchange, self._address(url), self._rest)

    def _address(self, url: str | None) -> str | None:
        if self.exchange == DEMO and not url:
            raise ConfigError("the demo market has no addresses of its own: give exchange.rest_url and exchange.ws_url")
        return url

    def _keeps_markets(self) -> bool:
        # each demo market may have other instruments, and is near enough to ask
        return self.exchange != DEMO

    async def _listed(self, symbols: Sequence[str]) -> list[Instrument]:
        return await Listing(self.exchange, self._rest).ask(symbols)

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


class BinanceFuturesMarketData(BinanceMarketData):
    """USD-M futures: ``BTC/USDT:USDT``. A trade is what one taker took at one price, as ``aggTrade`` numbers it."""

    kind = USD_M


def _candle(instrument: Instrument, timeframe: Timeframe, row: Kline, now: int) -> Candle:
    opened, open_, high, low, close, volume, _, _, trades, bought, _, _ = row
    prices = open_, high, low, close
    return past_candle(
        instrument, timeframe, to_ns(opened), prices, volume=volume, trades=trades, bought=bought, now=now
    )


def _trade(instrument: Instrument, row: PastTrade, ts_recv: int) -> Trade:
    side = Side.SELL if row.buyer_is_maker else Side.BUY
    return past_trade(
        instrument, row.trade_id, row.price, row.quantity, side=side, ts_event=to_ns(row.time), ts_recv=ts_recv
    )
