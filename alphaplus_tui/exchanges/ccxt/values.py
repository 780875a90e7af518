"""Turns what ccxt says of a market into domain values; nothing of it is believed unseen."""

import math
from collections.abc import Sequence
from typing import Any

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, DayStatistics, Level, OrderBook, Provenance, Ticker
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.exchanges.ccxt.library import Row
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, Unusable

LEVELS = 25
LATEST_MS = 10**14
_SMALLEST_STEP = 1e-8
_DECIMAL_PLACES, _TICK_SIZE = 2, 4
"""ccxt's words for how ``precision`` is meant; elsewhere it counts significant digits."""


def number(row: Row, name: str, *, most: float = ABSURD_PRICE) -> float:
    """A number above 0. Raises Unusable."""
    value = _float(row.get(name))
    if not 0 < value < most:
        raise Unusable(f"{name} is {clean(repr(row.get(name)), limit=40)}")
    return value


def moment(row: Row, *, otherwise: int) -> int:
    """UTC ns of its ``timestamp``; ``otherwise`` where it has none. Raises Unusable."""
    milliseconds = row.get("timestamp")
    if milliseconds is None:
        return otherwise
    if not isinstance(milliseconds, int | float) or not 0 < milliseconds < LATEST_MS:
        raise Unusable(f"timestamp is {clean(repr(milliseconds), limit=40)}")
    return int(milliseconds * 1000) * 1000


def instrument_of(exchange: str, market: Row, precision_mode: int, *, numbered: bool) -> Instrument:
    precision: Row = market.get("precision") or {}
    return Instrument(
        exchange=exchange,
        symbol=clean(str(market["symbol"]), limit=80),
        venue_symbol=clean(str(market["id"]), limit=80),
        base=clean(str(market["base"]), limit=40),
        quote=clean(str(market["quote"]), limit=40),
        price_step=_step(precision.get("price"), precision_mode),
        quantity_step=_step(precision.get("amount"), precision_mode),
        numbered=numbered,
    )


def ticker_of(instrument: Instrument, row: Row, ts_recv: int) -> Ticker | None:
    """None where it says no best prices. Raises Unusable."""
    if not row.get("bid") or not row.get("ask"):
        return None
    bid, ask = number(row, "bid"), number(row, "ask")
    if bid > ask:
        raise Unusable(f"bid {bid} above ask {ask}")
    quantities = (_or_zero(row.get(name)) for name in ("bidVolume", "askVolume"))
    bid_quantity, ask_quantity = quantities
    ts_event = moment(row, otherwise=ts_recv)
    return Ticker(instrument.id, bid, bid_quantity, ask, ask_quantity, 0, ts_event, ts_recv)


def statistics_of(instrument: Instrument, row: Row, ts_recv: int) -> DayStatistics | None:
    """None where it says less than the whole. Raises Unusable."""
    names = ("open", "high", "low", "last")
    volumes = [_float(row.get(name)) for name in ("baseVolume", "quoteVolume")]
    if any(row.get(name) is None for name in names) or any(math.isnan(volume) for volume in volumes):
        return None
    opened, high, low, last = (number(row, name) for name in names)
    if high < low or min(volumes) < 0:
        raise Unusable(f"high {high}, low {low}, volumes {volumes}")
    return DayStatistics(
        instrument.id, opened, high, low, last, volumes[0], volumes[1], moment(row, otherwise=ts_recv), ts_recv
    )


def book_of(instrument: Instrument, row: Row, ts_recv: int) -> OrderBook | None:
    """None while a side is empty. Raises Unusable, also for a book that is crossed."""
    bids, asks = _levels(row["bids"]), _levels(row["asks"])
    if not bids or not asks:
        return None
    if bids[0].price >= asks[0].price:
        raise Unusable(f"bid {bids[0].price} not below ask {asks[0].price}")
    nonce = row.get("nonce")
    sequence = nonce if isinstance(nonce, int) and nonce >= 0 else 0
    return OrderBook(instrument.id, bids, asks, sequence, moment(row, otherwise=ts_recv), ts_recv)


def candle_of(instrument: Instrument, timeframe: Timeframe, row: Sequence[Any], now: int) -> Candle:
    """now: UTC ns; a candle that ends later is forming. Raises Unusable."""
    opens = row[0]
    if not isinstance(opens, int | float) or not 0 <= opens < LATEST_MS:
        raise Unusable(f"a candle opens at {clean(repr(opens), limit=40)}")
    opened, high, low, close = (_float(value) for value in row[1:5])
    volume = _or_zero(row[5])
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high < ABSURD_PRICE:
        raise Unusable(f"a candle with open {opened}, high {high}, low {low}, close {close}")
    open_time = int(opens) * 1_000_000
    return Candle(
        instrument=instrument.id,
        timeframe=timeframe,
        open_time=open_time,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        provenance=Provenance.BACKFILLED,
        forming=open_time + duration_ns(timeframe) > now,
    )


def _levels(side: Sequence[Sequence[Any]]) -> tuple[Level, ...]:
    levels = [Level(_float(level[0]), _float(level[1])) for level in side[:LEVELS]]
    if not all(0 < level.price < ABSURD_PRICE and 0 <= level.quantity < ABSURD_QUANTITY for level in levels):
        raise Unusable("a level that cannot be")
    return tuple(level for level in levels if level.quantity)


def _step(precision: object, mode: int) -> float:
    value = _float(precision)
    if math.isnan(value):
        return _SMALLEST_STEP
    if mode == _DECIMAL_PLACES:
        return 10.0 ** -min(12.0, value)
    return value if mode == _TICK_SIZE and value > 0 else _SMALLEST_STEP


def _float(value: object) -> float:
    """NaN for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan


def _or_zero(value: object) -> float:
    found = _float(value)
    return found if 0 < found < ABSURD_QUANTITY else 0.0
