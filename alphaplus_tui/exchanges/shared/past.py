"""Candles and trades of the past as REST answers with them: checked, and of every timeframe."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.resampling import resampled, source_of
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import ProtocolError, RateLimited, UnknownName
from alphaplus_tui.exchanges.shared.own_candles import Prices, own_candle
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, LARGEST_ID, Unusable
from alphaplus_tui.kernel.clock import Clock

T = TypeVar("T")

_LONGEST_TURN_S = 10.0

Fetch = Callable[[Timeframe, int, int], Awaitable[tuple[Candle, ...]]]
"""Asks for candles of a timeframe that the venue has: from when on (UTC ns), how many."""


def past_candle(
    instrument: Instrument,
    timeframe: Timeframe,
    opened: int,
    prices: Prices,
    *,
    volume: float,
    trades: int | None,
    bought: float | None = None,
    now: int,
) -> Candle:
    """A candle that opened at ``opened`` (UTC ns). prices: open, high, low, close. Raises ProtocolError."""
    forming = opened + duration_ns(timeframe) > now
    try:
        return own_candle(
            instrument, timeframe, opened, prices, volume=volume, trades=trades, bought=bought, forming=forming
        )
    except Unusable as error:
        raise ProtocolError(str(error)) from error


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


class Reached:
    """How far the fetching of old trades came, by instrument, for venues that can only be asked by time."""

    def __init__(self) -> None:
        self._last: dict[InstrumentId, tuple[int, int]] = {}

    def since(self, instrument: Instrument, *, from_seq: int, since: int, back_ns: int = 0) -> int:
        """From where (UTC ns) to ask for trades from ``from_seq`` on; ``back_ns``: before the last one fetched."""
        number, ts_event = self._last.get(instrument.id, (from_seq, 0))
        return max(since, ts_event - back_ns) if number < from_seq else since

    def note(self, instrument: Instrument, page: Sequence[Trade]) -> None:
        """``page`` was fetched, oldest first."""
        if page:
            self._last[instrument.id] = page[-1].seq, page[-1].ts_event


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
