"""The closed candles of one instrument as columns, with what else was known when each closed."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
T = TypeVar("T")

SLOWER = 3
"""The longer timeframe that features look at has candles so many times as long."""


class Slower(NamedTuple):
    """Candles ``SLOWER`` times as long, and for each row the number of the last one closed by then (-1: none)."""

    panel: "Panel"
    last: Ints


class Panel:
    """Columns of equal length, oldest first; each row is known from the close of its candle on.

    Prices and volumes are finite. ``trades``, ``buy_volume``, ``anchor_close``, ``headlines`` (how many became known
    during the candle) and ``mood`` (the sum of their scores) are nan where not known.
    A missing candle has no row: ``segments`` cuts the panel there.
    """

    __slots__ = (
        "_shared",
        "anchor_close",
        "buy_volume",
        "close",
        "headlines",
        "high",
        "low",
        "mood",
        "open",
        "open_time",
        "timeframe",
        "trades",
        "volume",
    )

    def __init__(
        self,
        timeframe: Timeframe,
        open_time: Ints,
        *,
        open_: Floats,
        high: Floats,
        low: Floats,
        close: Floats,
        volume: Floats,
        trades: Floats | None = None,
        buy_volume: Floats | None = None,
        anchor_close: Floats | None = None,
        headlines: Floats | None = None,
        mood: Floats | None = None,
    ) -> None:
        self.timeframe, self.open_time = timeframe, open_time
        self.open, self.high, self.low, self.close, self.volume = open_, high, low, close, volume
        self.trades = self._or_unknown(trades)
        self.buy_volume = self._or_unknown(buy_volume)
        self.anchor_close = self._or_unknown(anchor_close)
        self.headlines = self._or_unknown(headlines)
        self.mood = self._or_unknown(mood)
        self._shared: dict[str, object] = {}

    def _or_unknown(self, column: Floats | None) -> Floats:
        return np.full(len(self.close), np.nan) if column is None else column

    @classmethod
    def of(cls, candles: Sequence[Candle]) -> "Panel":
        """The columns of at least one candle; all of one instrument and timeframe, closed, oldest first."""
        rows = [(c.open, c.high, c.low, c.close, c.volume, _or_nan(c.trades), _or_nan(c.buy_volume)) for c in candles]
        columns = np.array(rows, np.float64).T
        opened = np.array([candle.open_time for candle in candles], np.int64)
        names = ("open_", "high", "low", "close", "volume", "trades", "buy_volume")
        return cls(candles[0].timeframe, opened, **dict(zip(names, np.ascontiguousarray(columns), strict=True)))

    def __len__(self) -> int:
        return len(self.close)

    @property
    def length_ns(self) -> int:
        return duration_ns(self.timeframe)

    @property
    def close_time(self) -> Ints:
        """When each row became known (UTC ns)."""
        return self.open_time + self.length_ns

    def __getitem__(self, rows: slice) -> "Panel":
        return Panel(
            self.timeframe,
            self.open_time[rows],
            open_=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
            trades=self.trades[rows],
            buy_volume=self.buy_volume[rows],
            anchor_close=self.anchor_close[rows],
            headlines=self.headlines[rows],
            mood=self.mood[rows],
        )

    def with_anchor(self, anchor: "Panel") -> "Panel":
        """With the closes of ``anchor`` at the same moments; nan where it has no candle."""
        closes = np.full(len(self), np.nan)
        if np.array_equal(anchor.open_time, self.open_time):
            closes = anchor.close
        elif len(anchor):
            where = np.minimum(np.searchsorted(anchor.open_time, self.open_time), len(anchor) - 1)
            same = anchor.open_time[where] == self.open_time
            closes[same] = anchor.close[where[same]]
        panel = self[:]
        panel.anchor_close = closes
        return panel

    def with_mood(self, mood: Mood) -> "Panel":
        """With headlines as they became known, each to the candle during which, or at whose close, it did.

        What counts is when a headline was seen, not the earlier time its feed gives it: nobody could act on it
        before. Candles that opened before the first was seen know of no headlines.
        """
        times = np.array(mood.seen_at, np.int64)
        sums = np.concatenate([[0.0], np.cumsum(np.array(mood.scores, np.float64))])
        first = np.searchsorted(times, self.open_time, "right")
        end = np.searchsorted(times, self.close_time, "right")
        covered = self.open_time >= mood.since
        panel = self[:]
        panel.headlines = np.where(covered, (end - first).astype(np.float64), np.nan)
        panel.mood = np.where(covered, sums[end] - sums[first], np.nan)
        return panel

    def segments(self) -> Iterator[slice]:
        """The rows between holes, piece by piece."""
        breaks = np.flatnonzero(np.diff(self.open_time) != self.length_ns) + 1
        edges = [0, *breaks.tolist(), len(self)]
        for start, end in pairwise(edges):
            if end > start:
                yield slice(start, end)

    def shared(self, name: str, compute: Callable[["Panel"], T]) -> T:
        """A column that several features use, computed once."""
        if name not in self._shared:
            self._shared[name] = compute(self)
        return self._shared[name]  # pyright: ignore[reportReturnType]  # one name always holds one compute's result

    def slower(self) -> Slower:
        """The longer timeframe, from complete groups of candles that open where its own candles do.

        The panel must be without holes.
        """
        return self.shared("slower", _slower)


def _slower(panel: Panel) -> Slower:
    length = panel.length_ns
    rows = len(panel)
    first = int(-(panel.open_time[0] // length) % SLOWER) if rows else 0
    groups = max(0, (rows - first) // SLOWER)
    shape = (groups, SLOWER)
    part = slice(first, first + groups * SLOWER)

    def grouped(column: Floats) -> Floats:
        return column[part].reshape(shape)

    slow = Panel(
        panel.timeframe,
        panel.open_time[part].reshape(shape)[:, 0],
        open_=grouped(panel.open)[:, 0].copy(),
        high=grouped(panel.high).max(axis=1),
        low=grouped(panel.low).min(axis=1),
        close=grouped(panel.close)[:, -1].copy(),
        volume=grouped(panel.volume).sum(axis=1),
    )
    return Slower(slow, (np.arange(rows) - first + 1) // SLOWER - 1)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
