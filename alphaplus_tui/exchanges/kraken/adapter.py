"""Kraken spot behind the market data port."""

from collections.abc import Sequence
from functools import partial

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import SECOND_NS, Timeframe
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.exchanges.kraken.dialect import KrakenDialect
from alphaplus_tui.exchanges.kraken.frames import Pair, PastTrade
from alphaplus_tui.exchanges.kraken.rest import MOST_CANDLES, MOST_TRADES, KrakenRest
from alphaplus_tui.exchanges.kraken.symbols import MINUTES, TOLD, stream_name, unified
from alphaplus_tui.exchanges.shared.native import NativeMarketData
from alphaplus_tui.exchanges.shared.past import candles_of, in_turn, past_candle, past_trade
from alphaplus_tui.exchanges.shared.times import decimal_seconds_ns
from alphaplus_tui.kernel.meters import Counter

REST_URL = "https://api.kraken.com"
WS_URL = "wss://ws.kraken.com"
_SIDES = {"b": Side.BUY, "s": Side.SELL}
_MICROSECONDS = 6
"""REST has a digit more than the streams; the same trade must have the same time."""
_PAGES = 5
"""Asked for in one call, until one holds something that is wanted."""


class KrakenMarketData(NativeMarketData[KrakenRest]):
    """Spot markets."""

    told_timeframe = TOLD

    def _make_rest(self, url: str | None, requests: Counter) -> KrakenRest:
        return KrakenRest(url or REST_URL, clock=self._clock, market=self._market, requests=requests)

    def _make_dialect(self, url: str | None) -> KrakenDialect:
        return KrakenDialect(self.exchange, url or WS_URL, self._rest)

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
        since = self._reached.since(instrument, from_seq=from_seq, since=since)
        for _ in range(_PAGES):
            ask = partial(self._rest.trades, instrument.venue_symbol, since=since, limit=MOST_TRADES)
            rows, following = await in_turn(ask, self._clock)
            wanted = [row for row in rows if row[6] >= from_seq][:limit]
            if wanted:
                ts_recv = self._market.now()
                page = tuple(_trade(instrument, row, ts_recv) for row in wanted)
                self._reached.note(instrument, page)
                return page
            if len(rows) < MOST_TRADES or following <= since:
                break
            since = following
        return ()

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
