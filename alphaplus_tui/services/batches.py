"""Puts windows together into the batches that models are asked with."""

from collections.abc import Callable, Iterable

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import duration_ns
from alphaplus_tui.ports.model import Window, WindowBatch
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.services.windows import WINDOW, CandleWindows
from alphaplus_tui.state.store import StateStore


class Batches:
    """Each window beside its anchor's, which is sent once."""

    def __init__(
        self,
        windows: CandleWindows,
        anchors: Callable[[InstrumentId], InstrumentId | None],
        state: StateStore,
        moods: Moods,
        *,
        alone: bool,
    ) -> None:
        """alone: as ``WindowBatch`` has it."""
        self._windows, self._anchors, self._state, self._alone = windows, anchors, state, alone
        self._moods = moods

    def of(self, wanted: Iterable[tuple[InstrumentId, int, Candle | None]]) -> WindowBatch:
        """Windows that end with the candle that opens then, or with a forming one."""
        windows: list[Window] = []
        anchors: list[Window] = []
        places: dict[tuple[InstrumentId, int], int] = {}
        until: int | None = None
        for instrument, opens, forming in wanted:
            until = opens if until is None else max(until, opens)
            anchor, place = self._anchors(instrument), -1
            if anchor is not None:
                place = places.get((anchor, opens), -1)
                if place < 0 and (related := self._related(anchor, opens, forming=forming is not None)) is not None:
                    place = places[anchor, opens] = len(anchors)
                    anchors.append(related)
            window = self._windows.window(instrument, opens, anchor=place, forming=forming)
            if window is not None:
                windows.append(window)
        return WindowBatch(tuple(windows), tuple(anchors), alone=self._alone, mood=self._mood(until))

    def _mood(self, opens: int | None) -> Mood | None:
        """As long as the windows reach that end with the candle that opens then."""
        if opens is None:
            return None
        length = duration_ns(self._windows.timeframe)
        return self._moods.between(opens - WINDOW * length, opens + length + 1)

    def forming_now(self) -> list[Candle]:
        """The forming candles that follow the newest closed one of their instrument."""
        timeframe, last = self._windows.timeframe, self._windows.last
        length = duration_ns(timeframe)
        forming = [row.forming for row in self._state.charts.values() if row.timeframe == timeframe]
        return [candle for candle in forming if candle and last(candle.instrument) == candle.open_time - length]

    def _related(self, anchor: InstrumentId, opens: int, *, forming: bool) -> Window | None:
        row = self._state.charts.get((anchor, self._windows.timeframe)) if forming else None
        candle = row.forming if row is not None else None
        if candle is not None and candle.open_time != opens:
            candle = None
        return self._windows.window(anchor, opens, forming=candle)
