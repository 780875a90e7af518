"""Writes the candles that are kept in memory for charts."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from alphaplus_tui.domain.events import CandleChanged, CandleClosed, HistoryLoaded
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.state.slices import ChartRow
from alphaplus_tui.state.store import StateStore

_SIZE = 1000

Key = tuple[InstrumentId, Timeframe]


class ChartRows:
    """The slice ``charts``."""

    def __init__(
        self,
        state: StateStore,
        timeframes: Sequence[Timeframe],
        on_closes: Callable[[InstrumentId, Sequence[float]], None],
    ) -> None:
        """on_closes: told the last closes of an instrument's shortest timeframe when they change."""
        self._charts, self._on_closes = state.charts, on_closes
        self._shortest = min(timeframes, key=duration_ns)

    def on_changed(self, event: CandleChanged) -> None:
        candle = event.candle
        key = (candle.instrument, candle.timeframe)
        row = self._charts.get(key)
        closed = row.closed if row is not None else ()
        self._charts.put(key, ChartRow(candle.instrument, candle.timeframe, closed, candle))

    def on_closed(self, event: CandleClosed) -> None:
        candle = event.candle
        key = (candle.instrument, candle.timeframe)
        row = self._charts.get(key) or ChartRow(candle.instrument, candle.timeframe, (), None)
        forming = row.forming
        if forming is not None and forming.open_time <= candle.open_time:
            forming = None
        self._put(key, _with(row.closed, candle), forming)

    def on_history(self, event: HistoryLoaded) -> None:
        by_key: dict[Key, list[Candle]] = {}
        for candle in event.candles:
            if not candle.forming:
                by_key.setdefault((candle.instrument, candle.timeframe), []).append(candle)
        for key, candles in by_key.items():
            row = self._charts.get(key)
            known = {candle.open_time: candle for candle in candles}
            for candle in row.closed if row is not None else ():
                other = known.get(candle.open_time)
                if other is None or not _replaces(other, candle):
                    known[candle.open_time] = candle
            closed = tuple(known[opens] for opens in sorted(known))
            self._put(key, closed[-_SIZE:], row.forming if row is not None else None)

    def _put(self, key: Key, closed: tuple[Candle, ...], forming: Candle | None) -> None:
        instrument, timeframe = key
        self._charts.put(key, ChartRow(instrument, timeframe, closed, forming))
        if timeframe == self._shortest:
            self._on_closes(instrument, [candle.close for candle in closed[-60:]])


def _replaces(new: Candle, old: Candle) -> bool:
    """The same rule by which the database replaces a stored candle."""
    if new.revision == old.revision:
        return not old.complete
    return new.revision > old.revision or (new.complete and not old.complete)


def _with(closed: tuple[Candle, ...], candle: Candle) -> tuple[Candle, ...]:
    if not closed or candle.open_time > closed[-1].open_time:
        return (*closed[-_SIZE + 1 :], candle)
    index = bisect_left(closed, candle.open_time, key=lambda known: known.open_time)
    if index < len(closed) and closed[index].open_time == candle.open_time:
        if not _replaces(candle, closed[index]):
            return closed
        return (*closed[:index], candle, *closed[index + 1 :])
    return (*closed[:index], candle, *closed[index:])[-_SIZE:]
