"""Keeps the candles that an exchange's streams told, so that ours can be held against them without asking REST."""

from msgspec import structs

from alphaplus_tui.domain.events import CandleTold
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.resampling import resampled, source_of
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.kernel.bus import Bus

_KEPT = 64
"""Candles of each instrument: enough for an hour of minutes."""
_MOST_PARTS = 60


def can_tell(told: Timeframe | None, timeframe: Timeframe) -> bool:
    """Whether candles of ``timeframe`` are told, or made of so few told ones that those are still known."""
    if told is None or told == timeframe:
        return told is not None
    return source_of(timeframe, (told,)) is not None and duration_ns(timeframe) // duration_ns(told) <= _MOST_PARTS


class ToldCandles:
    """Hears CandleTold; of longer timeframes candles are made of what was told."""

    def __init__(self, bus: Bus, told: Timeframe | None) -> None:
        """told: the timeframe that the exchange tells; None where it tells none."""
        self._told = told
        self._candles: dict[InstrumentId, dict[int, Candle]] = {}
        bus.on(CandleTold, self._on_told)

    def covers(self, timeframe: Timeframe) -> bool:
        """Whether candles of ``timeframe`` can be had here at all."""
        return can_tell(self._told, timeframe)

    def over(self, instrument: InstrumentId, timeframe: Timeframe, opens: int) -> Candle | None:
        """The candle that opened at ``opens`` once it is over: told as closed, or followed by a later one.

        None while that is not so. Where the exchange did not say that it closed, its last trades may be missing.
        """
        return self._made(instrument, timeframe, opens, followed=True)

    def closed(self, instrument: InstrumentId, timeframe: Timeframe, opens: int) -> Candle | None:
        """The same, if the exchange said that it closed."""
        return self._made(instrument, timeframe, opens, followed=False)

    def _made(self, instrument: InstrumentId, timeframe: Timeframe, opens: int, *, followed: bool) -> Candle | None:
        known = self._candles.get(instrument)
        if self._told is None or not known:
            return None
        step, newest = duration_ns(self._told), max(known) if followed else 0
        parts: list[Candle] = []
        for at in range(opens, opens + duration_ns(timeframe), step):
            part = known.get(at)
            if part is None or (part.forming and newest <= at):
                return None
            parts.append(structs.replace(part, forming=False) if part.forming else part)
        if timeframe == self._told:
            return parts[0]
        return next(resampled(parts, timeframe), None)

    def _on_told(self, event: CandleTold) -> None:
        candle = event.candle
        if candle.timeframe != self._told:
            return
        known = self._candles.setdefault(candle.instrument, {})
        before = known.get(candle.open_time)
        if before is None and len(known) >= _KEPT:
            oldest = min(known)
            if candle.open_time < oldest:
                return
            del known[oldest]
        if before is None or before.forming or not candle.forming:
            known[candle.open_time] = candle
