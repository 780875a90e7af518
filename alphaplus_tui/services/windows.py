"""Keeps the last closed candles of each instrument as columns, ready to be judged."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.ports.model import COLUMNS, Window

WINDOW = 600
"""Candles of a window: the longest that a feature looks back."""
_KEPT = 1000
"""Candles that are kept, so that a moment can be judged a while later."""
_ROOM = 2 * _KEPT


class _Track:
    """The candles of one instrument; a new one costs no copy, but each thousandth."""

    __slots__ = ("complete", "end", "opens", "revisions", "start", "values")

    def __init__(self) -> None:
        self.opens: NDArray[np.int64] = np.zeros(_ROOM, np.int64)
        self.values: NDArray[np.float64] = np.zeros((len(COLUMNS), _ROOM))
        self.revisions: NDArray[np.int64] = np.zeros(_ROOM, np.int64)
        self.complete: NDArray[np.bool_] = np.zeros(_ROOM, np.bool_)
        self.start = self.end = 0

    def place(self, opens: int) -> int:
        """Where a candle that opens then is, or would be."""
        if self.start < self.end and opens > self.opens[self.end - 1]:
            return self.end
        return self.start + int(np.searchsorted(self.opens[self.start : self.end], opens))

    def has(self, opens: int, at: int) -> bool:
        return at < self.end and bool(self.opens[at] == opens)

    def put(self, candle: Candle) -> None:
        at = self.place(candle.open_time)
        if self.has(candle.open_time, at):
            if self._replaced_by(candle, at):
                self._write(candle, at)
            return
        if at < self.end or self.end == _ROOM:
            at = self._make_room(at)
        self._write(candle, at)
        self.end += 1
        self.start = max(self.start, self.end - _KEPT)

    def _replaced_by(self, candle: Candle, at: int) -> bool:
        """The same rule by which the database replaces a stored candle."""
        revision, complete = int(self.revisions[at]), bool(self.complete[at])
        if candle.revision == revision:
            return not complete
        return candle.revision > revision or (candle.complete and not complete)

    def _make_room(self, at: int) -> int:
        """A free place at ``at``, which may move."""
        drop = 0 if self.end < _ROOM else self.start
        if drop:
            kept = slice(self.start, self.end)
            for column in (self.opens, self.revisions, self.complete):
                column[: self.end - drop] = column[kept].copy()
            self.values[:, : self.end - drop] = self.values[:, kept].copy()
            self.start, self.end, at = 0, self.end - drop, at - drop
        for column in (self.opens, self.revisions, self.complete):
            column[at + 1 : self.end + 1] = column[at : self.end].copy()
        self.values[:, at + 1 : self.end + 1] = self.values[:, at : self.end].copy()
        return at

    def _write(self, candle: Candle, at: int) -> None:
        self.opens[at], self.revisions[at], self.complete[at] = candle.open_time, candle.revision, candle.complete
        self.values[:, at] = _row(candle)


class CandleWindows:
    """Of one timeframe. A candle that comes again replaces the known one by the rule of the database."""

    def __init__(self, timeframe: Timeframe) -> None:
        self.timeframe, self._length = timeframe, duration_ns(timeframe)
        self._tracks: dict[InstrumentId, _Track] = {}

    def put(self, candles: Iterable[Candle]) -> None:
        """Closed candles of the timeframe; others are left out."""
        for candle in candles:
            if not candle.forming and candle.timeframe == self.timeframe:
                track = self._tracks.get(candle.instrument)
                if track is None:
                    track = self._tracks[candle.instrument] = _Track()
                track.put(candle)

    def has(self, instrument: InstrumentId, opens: int) -> bool:
        track = self._tracks.get(instrument)
        return track is not None and track.has(opens, track.place(opens))

    def complete(self, instrument: InstrumentId, opens: int) -> bool:
        """The candle is known, with all of its trades."""
        track = self._tracks.get(instrument)
        return track is not None and track.has(opens, at := track.place(opens)) and bool(track.complete[at])

    def last(self, instrument: InstrumentId) -> int | None:
        """When the newest candle opens."""
        track = self._tracks.get(instrument)
        return int(track.opens[track.end - 1]) if track is not None and track.end > track.start else None

    def length(self, instrument: InstrumentId, until: int) -> int:
        """Candles that are known until the one that opens at ``until``, that one included."""
        track = self._tracks.get(instrument)
        return 0 if track is None else self._end(track, until) - track.start

    def window(
        self, instrument: InstrumentId, until: int, *, anchor: int = -1, forming: Candle | None = None
    ) -> Window | None:
        """The last ``WINDOW`` candles until the one that opens at ``until``; None without any.

        forming: a candle behind them, which counts among them.
        """
        track = self._tracks.get(instrument)
        if track is None or (end := self._end(track, until)) == track.start:
            return None
        start = max(track.start, end - WINDOW + (forming is not None))
        opens, values = track.opens[start:end], track.values[:, start:end]
        revision = int(track.revisions[end - 1])
        if forming is not None:
            opens = np.append(opens, forming.open_time)
            values = np.column_stack([values, _row(forming)])
            revision = forming.revision
        return Window(
            instrument,
            self.timeframe,
            opens.astype("<i8").tobytes(),
            values.astype("<f8").tobytes(),
            revision,
            anchor,
            forming is not None,
        )

    def whole(self, instrument: InstrumentId, until: int) -> bool:
        """The window holds as many candles as it should, none is missing, and none misses trades."""
        return self._flag(instrument, until, lambda track, rows: bool(track.complete[rows].all()))

    def unrevised(self, instrument: InstrumentId, until: int) -> bool:
        """Likewise, and none was corrected."""
        return self._flag(
            instrument, until, lambda track, rows: bool(track.complete[rows].all() and not track.revisions[rows].any())
        )

    def _flag(self, instrument: InstrumentId, until: int, check: Callable[[_Track, slice], bool]) -> bool:
        track = self._tracks.get(instrument)
        if track is None:
            return False
        end = self._end(track, until)
        rows = slice(end - WINDOW, end)
        if rows.start < track.start or track.opens[end - 1] != until:
            return False
        return until - int(track.opens[rows.start]) == (WINDOW - 1) * self._length and check(track, rows)

    def _end(self, track: _Track, until: int) -> int:
        at = track.place(until)
        return at + track.has(until, at)


def _row(candle: Candle) -> tuple[float, ...]:
    return (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        float("nan") if candle.trades is None else float(candle.trades),
        float("nan") if candle.buy_volume is None else candle.buy_volume,
    )
