"""Makes candles of a longer timeframe out of shorter ones."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import fsum

from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time

_WEEK = "1w"
_PARTS_OF_WEEK = 86_400_000_000_000
"""Weeks open on Mondays: what is longer than a day does not fit into them."""


def source_of(timeframe: Timeframe, stored: Collection[Timeframe]) -> Timeframe | None:
    """The longest stored timeframe whose candles make up those of ``timeframe``; None where there is none."""
    fitting = [name for name in stored if _fits(name, timeframe)]
    return max(fitting, key=duration_ns, default=None)


def resampled(candles: Iterable[Candle], timeframe: Timeframe) -> Iterator[Candle]:
    """The candles of ``timeframe`` whose parts are all there; a missing part leaves a hole.

    candles: closed, of one instrument and one shorter timeframe that ``source_of`` allows, oldest first. Counts of
    trades and bought volume are None where a part does not know them. Provenance RESAMPLED.
    """
    parts: list[Candle] = []
    for candle in candles:
        if candle.forming:
            continue
        if parts and open_time(candle.open_time, timeframe) != open_time(parts[0].open_time, timeframe):
            parts = []
        parts.append(candle)
        if len(parts) * duration_ns(candle.timeframe) == duration_ns(timeframe):
            yield _together(parts, timeframe)
            parts = []


def _fits(part: Timeframe, whole: Timeframe) -> bool:
    length = duration_ns(part)
    if whole == _WEEK and length > _PARTS_OF_WEEK:
        return False
    return length < duration_ns(whole) and duration_ns(whole) % length == 0


def _together(parts: Sequence[Candle], timeframe: Timeframe) -> Candle:
    first = parts[0]
    trades = [part.trades for part in parts if part.trades is not None]
    bought = [part.buy_volume for part in parts if part.buy_volume is not None]
    return Candle(
        instrument=first.instrument,
        timeframe=timeframe,
        open_time=first.open_time,
        open=first.open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        volume=fsum(part.volume for part in parts),
        trades=sum(trades) if len(trades) == len(parts) else None,
        buy_volume=fsum(bought) if len(bought) == len(parts) else None,
        provenance=Provenance.RESAMPLED,
        revision=sum(part.revision for part in parts),
        complete=all(part.complete for part in parts),
    )
