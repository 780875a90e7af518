"""Makes candles of a longer timeframe from shorter ones."""

from collections.abc import Iterable, Iterator
from math import fsum

from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import UsageError


def can_resample(source: Timeframe, target: Timeframe) -> bool:
    """Whether candles of ``target`` are made of whole ones of ``source``."""
    return duration_ns(target) > duration_ns(source) and duration_ns(target) % duration_ns(source) == 0


def resample(candles: Iterable[Candle], timeframe: Timeframe) -> Iterator[Candle]:
    """The longer candles, oldest first; ``complete`` where each shorter one was there and was complete.

    candles: of one instrument and timeframe, closed, oldest first. ``UsageError`` when they do not fit into
    ``timeframe``.
    """
    group: list[Candle] = []
    opened = 0
    for candle in candles:
        if not can_resample(candle.timeframe, timeframe):
            raise UsageError(f"candles of {candle.timeframe} do not add up to {timeframe}")
        start = open_time(candle.open_time, timeframe)
        if group and start != opened:
            yield _joined(group, timeframe, opened)
            group = []
        opened = start
        group.append(candle)
    if group:
        yield _joined(group, timeframe, opened)


def _joined(group: list[Candle], timeframe: Timeframe, opened: int) -> Candle:
    first = group[0]
    trades = [candle.trades for candle in group]
    bought = [candle.buy_volume for candle in group]
    wanted = duration_ns(timeframe) // duration_ns(first.timeframe)
    return Candle(
        first.instrument,
        timeframe,
        opened,
        first.open,
        max(candle.high for candle in group),
        min(candle.low for candle in group),
        group[-1].close,
        fsum(candle.volume for candle in group),
        None if None in trades else sum(count for count in trades if count is not None),
        None if None in bought else fsum(volume for volume in bought if volume is not None),
        Provenance.RESAMPLED,
        max(candle.revision for candle in group),
        complete=len(group) == wanted and all(candle.complete for candle in group),
    )
