"""Bybit's spot and linear markets behind the market data port."""

from collections.abc import Sequence

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.exchanges.bybit.dialect import REQUESTS_PER_S, BybitDialect
from alphaplus_tui.exchanges.bybit.frames import Listed, PastTrade
from alphaplus_tui.exchanges.bybit.rest import MOST_CANDLES, BybitRest
from alphaplus_tui.exchanges.bybit.symbols import (
    CATEGORIES,
    INTERVALS,
    SPOT,
    TOLD,
    category_of,
    guessed_venue_symbol,
    unified_symbol,
)
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.http import Refused
from alphaplus_tui.exchanges.shared.native import NativeMarketData
from alphaplus_tui.exchanges.shared.parsing import to_ns
from alphaplus_tui.exchanges.shared.past import candles_of, past_candle, past_trade
from alphaplus_tui.kernel.meters import Counter

REST_URL = "https://api.bybit.com"
WS_URL = "wss://stream.bybit.com"
_ASKED_ONE_BY_ONE = 8
"""More symbols than this are looked for in the whole list."""
_MS = 1_000_000
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}


class BybitMarketData(NativeMarketData[BybitRest]):
    """``BTC/USDT`` and ``BTC/USDT:USDT``.

    Trades are not numbered: ``seq`` is their time. REST serves the newest 60 (spot) or 1,000 (linear).
    """

    told_timeframe = TOLD
    usual_habits = Habits(requests_per_s=REQUESTS_PER_S)

    def _make_rest(self, url: str | None, requests: Counter) -> BybitRest:
        return BybitRest(url or REST_URL, clock=self._clock, market=self._market, requests=requests)

    def _make_dialect(self, url: str | None) -> BybitDialect:
        return BybitDialect(self.exchange, url or WS_URL, self._rest)

    async def candles(
        self, instrument: Instrument, timeframe: Timeframe, *, since: int, limit: int
    ) -> tuple[Candle, ...]:
        category, name = category_of(instrument.symbol), instrument.venue_symbol

        async def fetch(known: Timeframe, first: int, count: int) -> tuple[Candle, ...]:
            candles: list[Candle] = []
            opened = open_time(first, known)
            since_ms = (opened if opened == first else opened + duration_ns(known)) // _MS
            while len(candles) < count:
                wanted = min(MOST_CANDLES, count - len(candles))
                rows = await self._rest.candles(category, name, INTERVALS[known], since_ms=since_ms, limit=wanted)
                now = self._market.now()
                candles += [
                    past_candle(instrument, known, row[0] * _MS, row[1:5], volume=row[5], trades=None, now=now)
                    for row in rows
                ]
                if not rows or candles[-1].forming:
                    break
                since_ms = candles[-1].close_time // _MS
            return tuple(candles[:count])

        return await candles_of(fetch, INTERVALS, self.exchange, timeframe, since=since, limit=limit)

    async def trades(
        self,
        instrument: Instrument,
        *,
        from_seq: int,
        since: int,  # noqa: ARG002 - the port's; there is no asking by time
        limit: int,
    ) -> tuple[Trade, ...]:
        category = category_of(instrument.symbol)
        rows = await self._rest.newest_trades(category, instrument.venue_symbol, limit=1000)
        ts_recv = self._market.now()
        trades = [_trade(instrument, row, ts_recv) for row in rows if to_ns(row.time) >= from_seq]
        return tuple(trades[:limit])

    async def _listed(self, symbols: Sequence[str]) -> list[Instrument]:
        if 0 < len(symbols) <= _ASKED_ONE_BY_ONE:
            found = [instrument for symbol in symbols for instrument in await self._listed_one(symbol)]
            if {instrument.symbol for instrument in found}.issuperset(symbols):
                return found
        rows = [row for category in CATEGORIES for row in await self._rest.listed(category)]
        return [self._instrument(row) for row in rows if symbols or row.status == "Trading"]

    async def _listed_one(self, symbol: str) -> list[Instrument]:
        name = guessed_venue_symbol(symbol)
        if name is None:
            return []
        try:
            return [self._instrument(row) for row in await self._rest.listed(category_of(symbol), name)]
        except Refused:
            return []  # the whole list will tell whether there is such a symbol

    def _instrument(self, row: Listed) -> Instrument:
        base, quote, settle = (clean(text, limit=40) for text in (row.base, row.quote, row.settle))
        symbol = unified_symbol(base, quote, settle=settle, contract=row.contract, delivers_at_ms=row.delivers_at)
        step = row.lot.spot_step if category_of(symbol) == SPOT else row.lot.linear_step
        return Instrument(
            exchange=self.exchange,
            symbol=symbol,
            venue_symbol=clean(row.symbol, limit=80),
            base=base,
            quote=quote,
            price_step=row.price.step if row.price.step > 0 else 1e-8,
            quantity_step=step if step > 0 else 1e-8,
            numbered=False,
        )


def _trade(instrument: Instrument, row: PastTrade, ts_recv: int) -> Trade:
    ts_event = to_ns(row.time)
    return past_trade(
        instrument,
        ts_event,
        row.price,
        row.quantity,
        side=_SIDES.get(row.side),
        ts_event=ts_event,
        ts_recv=ts_recv,
        trade_id=clean(row.trade_id, limit=64),
    )
