"""The exchange's own candles, from REST or from its stream: checked."""

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, open_time
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, LARGEST_ID, Unusable, near

Prices = tuple[float, float, float, float]
"""Open, high, low, close."""


def own_candle(
    instrument: Instrument,
    timeframe: Timeframe,
    opened: int,
    prices: Prices,
    *,
    volume: float,
    trades: int | None,
    bought: float | None,
    forming: bool,
) -> Candle:
    """A candle that opened at ``opened`` (UTC ns). Raises Unusable for numbers that no candle has."""
    open_, high, low, close = prices
    ordered = 0 < low <= open_ <= high < ABSURD_PRICE and low <= close <= high
    counted = (trades is None or 0 <= trades <= LARGEST_ID) and (bought is None or 0 <= bought < ABSURD_QUANTITY)
    if not (ordered and counted and 0 <= volume < ABSURD_QUANTITY and 0 <= opened < LARGEST_ID):
        raise Unusable(
            f"a candle of {instrument.symbol} that cannot be: {opened} {prices!r} {volume!r} {trades!r} {bought!r}"
        )
    return Candle(
        instrument.id,
        timeframe,
        opened,
        open_,
        high,
        low,
        close,
        volume,
        trades,
        bought,
        Provenance.BACKFILLED,
        0,
        forming,
    )


def told_candle(
    instrument: Instrument,
    timeframe: Timeframe,
    opened: int,
    prices: Prices,
    *,
    volume: float,
    trades: int | None = None,
    bought: float | None = None,
    forming: bool = True,
    ts_recv: int,
) -> Candle:
    """The same, of a stream. Raises Unusable also where it opened when none does, or more than a day ago."""
    if open_time(near(opened, ts_recv), timeframe) != opened:
        raise Unusable(f"a candle of {timeframe} that opened at {opened} ns")
    return own_candle(
        instrument, timeframe, opened, prices, volume=volume, trades=trades, bought=bought, forming=forming
    )
