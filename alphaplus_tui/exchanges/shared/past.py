"""Candles and trades of the past as REST answers with them: checked, and of every timeframe."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.resampling import resampled, source_of
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import ProtocolError, RateLimited, UnknownName
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, LARGEST_ID
from alphaplus_tui.kernel.clock import Clock

T = TypeVar("T")

_LONGEST_TURN_S = 10.0

Fetch = Callable[[Timeframe, int, int], Awaitable[tuple[Candle, ...]]]
"""Asks for candles of a timeframe that the venue has: from when on (UTC ns), how many."""


def past_candle(
    instrument: Instrument,
    timeframe: Timeframe,
    opened: int,
    prices: tuple[float, float, float, float],
    *,
    volume: float,
    trades: int | None,
    now: int,
) -> Candle:
    """A candle that opened at ``opened`` (UTC ns). prices: open, high, low, close. Raises ProtocolError."""
    open_, high, low, close = prices
    ordered = 0 < low <= open_ <= high < ABSURD_PRICE and low <= close <= high
    if not (ordered and 0 <= volume < ABSURD_QUANTITY and 0 <= opened < LARGEST_ID and (trades or 0) >= 0):
        raise ProtocolError(f"a candle of {instrument.symbol} that cannot be: {opened} {prices!r} {volume!r}")
    return Candle(
        instrument=instrument.id,
        timeframe=timeframe,
        open_time=opened,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        trades=trades,
        provenance=Provenance.BACKFILLED,
        forming=opened + duration_ns(timeframe) > now,
    )


def past_trade(
    instrument: Instrument,
    number: int,
    price: float,
    quantity: float,
    *,
    side: Side | None,
    ts_event: int,
    ts_recv: int,
    trade_id: str | None = None,
) -> Trade:
    """A trade; ``number`` is its ``seq``, and its identity unless ``trade_id`` is. Raises ProtocolError.

    side: None is none that is known.
    """
    possible = 0 < price < ABSURD_PRICE and 0 < quantity < ABSURD_QUANTITY and 0 < ts_event < LARGEST_ID
    if side is None or not (possible and 0 <= number <= LARGEST_ID):
        raise ProtocolError(f"a trade of {instrument.symbol} that cannot be: {number} {price!r} {quantity!r}")
    identity = str(number) if trade_id is None else trade_id
    return Trade(instrument.id, identity, number, price, quantity, side, ts_event, ts_recv, Provenance.BACKFILLED)


async def in_turn(question: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """The answer, after waiting for the budget: for questions of which one call asks more than fit into it at once.

    Raises what ``question`` raises, RateLimited where the exchange wants to be left alone for long.
    """
    while True:
        try:
            return await question()
        except RateLimited as error:
            if error.banned or error.retry_after_s > _LONGEST_TURN_S:
                raise
            await clock.sleep(error.retry_after_s)


async def candles_of(
    fetch: Fetch, has: Collection[Timeframe], exchange: str, timeframe: Timeframe, *, since: int, limit: int
) -> tuple[Candle, ...]:
    """Candles of any timeframe: those that the venue does not have are made of shorter ones, closed ones only.

    has: timeframes of the venue. Raises UnknownName where even that is impossible, and what ``fetch`` raises.
    """
    if timeframe in has:
        return await fetch(timeframe, since, limit)
    source = source_of(timeframe, has)
    if source is None:
        raise UnknownName(f"timeframe of {exchange}", timeframe, has)
    length = duration_ns(timeframe)
    first = open_time(since, timeframe)
    if first < since:
        first += length
    parts = await fetch(source, first, limit * (length // duration_ns(source)))
    whole = (structs.replace(candle, provenance=Provenance.BACKFILLED) for candle in resampled(parts, timeframe))
    return tuple(whole)[:limit]
