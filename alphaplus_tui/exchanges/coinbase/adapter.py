"""Coinbase Advanced Trade behind the market data port."""

from collections.abc import Sequence
from functools import partial

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import SECOND_NS, Timeframe, duration_ns
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.coinbase.dialect import CoinbaseDialect
from alphaplus_tui.exchanges.coinbase.frames import CandleRow, Product, TradeRow
from alphaplus_tui.exchanges.coinbase.past import TradeWindows
from alphaplus_tui.exchanges.coinbase.rest import MOST_CANDLES, MOST_TRADES, CoinbaseRest
from alphaplus_tui.exchanges.coinbase.symbols import GRANULARITIES, TAKERS, TOLD
from alphaplus_tui.exchanges.shared.native import NativeMarketData
from alphaplus_tui.exchanges.shared.past import candles_of, in_turn, past_candle, past_trade
from alphaplus_tui.exchanges.shared.times import rfc3339_ns
from alphaplus_tui.kernel.meters import Counter

REST_URL = "https://api.coinbase.com"
WS_URL = "wss://advanced-trade-ws.coinbase.com"


class CoinbaseMarketData(NativeMarketData[CoinbaseRest]):
    """Spot markets.

    Those that share the book of another, such as BTC/USDC that of BTC/USD, are listed only when they are asked for.
    """

    told_timeframe = TOLD

    def _make_rest(self, url: str | None, requests: Counter) -> CoinbaseRest:
        return CoinbaseRest(url or REST_URL, clock=self._clock, market=self._market, requests=requests)

    def _make_dialect(self, url: str | None) -> CoinbaseDialect:
        return CoinbaseDialect(self.exchange, url or WS_URL, self._rest)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        async def fetch(known: Timeframe, first: int, count: int) -> tuple[Candle, ...]:
            return await self._candles(instrument, known, first, count)

        return await candles_of(fetch, GRANULARITIES, self.exchange, timeframe, since=since, limit=limit)

    async def trades(self, instrument: Instrument, *, from_seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        async def ask(start_s: int, end_s: int) -> list[TradeRow]:
            symbol = instrument.venue_symbol
            return await in_turn(lambda: self._rest.trades(symbol, start_s=start_s, end_s=end_s), self._clock)

        since = self._reached.since(instrument, from_seq=from_seq, since=since, back_ns=SECOND_NS)
        windows = TradeWindows(ask, most=MOST_TRADES, now_s=self._market.now() // SECOND_NS)
        rows = await windows.fetch(from_seq, since_s=since // SECOND_NS, limit=limit)
        ts_recv = self._market.now()
        page = tuple(_trade(instrument, row, ts_recv) for row in rows)
        self._reached.note(instrument, page)
        return page

    async def _candles(
        self, instrument: Instrument, timeframe: Timeframe, since: int, limit: int
    ) -> tuple[Candle, ...]:
        length_s = duration_ns(timeframe) // SECOND_NS
        start_s = -(-since // SECOND_NS)
        start_s += -start_s % length_s
        end_s = min(start_s + (limit - 1) * length_s, self._market.now() // SECOND_NS)
        candles: list[Candle] = []
        while start_s <= end_s:
            rows = await in_turn(partial(self._page, instrument, timeframe, start_s, end_s), self._clock)
            now = self._market.now()
            candles += [_candle(instrument, timeframe, row, now) for row in rows]
            start_s += MOST_CANDLES * length_s
        return tuple(candles)

    async def _page(self, instrument: Instrument, timeframe: Timeframe, start_s: int, end_s: int) -> list[CandleRow]:
        last_s = min(end_s, start_s + (MOST_CANDLES - 1) * duration_ns(timeframe) // SECOND_NS)
        granularity = GRANULARITIES[timeframe]
        return await self._rest.candles(instrument.venue_symbol, granularity, start_s=start_s, end_s=last_s)

    async def _listed(self, symbols: Sequence[str]) -> list[Instrument]:
        products = [product for product in await self._rest.products() if product.kind == "SPOT"]
        if not symbols:
            products = [p for p in products if p.status == "online" and not (p.trading_disabled or p.alias)]
        return [self._instrument(product) for product in products]

    def _instrument(self, product: Product) -> Instrument:
        base, quote = clean(product.base, limit=40), clean(product.quote, limit=40)
        return Instrument(
            exchange=self.exchange,
            symbol=f"{base}/{quote}",
            venue_symbol=clean(product.alias or product.product_id, limit=80),
            base=base,
            quote=quote,
            price_step=product.price_step if product.price_step > 0 else 1e-8,
            quantity_step=product.quantity_step if product.quantity_step > 0 else 1e-8,
        )


def _candle(instrument: Instrument, timeframe: Timeframe, row: CandleRow, now: int) -> Candle:
    prices = row.open, row.high, row.low, row.close
    return past_candle(instrument, timeframe, row.start * SECOND_NS, prices, volume=row.volume, trades=None, now=now)


def _trade(instrument: Instrument, row: TradeRow, ts_recv: int) -> Trade:
    try:
        ts_event = rfc3339_ns(row.time)
    except ValueError as error:
        raise ProtocolError(f"a trade of {instrument.symbol} that cannot be: {error}") from error
    return past_trade(
        instrument,
        row.trade_id,
        row.price,
        row.size,
        side=TAKERS.get(row.side),
        ts_event=ts_event,
        ts_recv=ts_recv,
    )
