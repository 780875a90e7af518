"""Cheap counters, gauges and histograms, in a registry that is handed to whoever measures."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

Labels = tuple[tuple[str, str], ...]
"""Names and values, as in ``(("stream", "trades"),)``."""

_PER_DECADE = 20
_DECADES = range(-6 * _PER_DECADE, 9 * _PER_DECADE + 1)
BOUNDS: tuple[float, ...] = tuple(10.0 ** (step / _PER_DECADE) for step in _DECADES)
"""Upper bounds of the buckets, 20 a decade from 1e-6 to 1e9: an estimate is off by 6 % at most."""


class Counter:
    """A number that only grows."""

    __slots__ = ("labels", "name", "value")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name, self.labels = name, labels
        self.value: float = 0

    def add(self, amount: float = 1) -> None:
        self.value += amount


class Gauge:
    """A number that goes up and down."""

    __slots__ = ("labels", "name", "value")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name, self.labels = name, labels
        self.value = 0.0

    def set(self, value: float) -> None:
        self.value = value


@dataclass(frozen=True, slots=True)
class HistogramReading:
    """What a histogram had seen at one moment."""

    name: str
    labels: Labels
    count: int
    total: float
    largest: float
    """Of the histogram's whole life, also in a reading made by ``since``."""
    buckets: tuple[int, ...]
    """One per bound in BOUNDS, and one for what is above the last."""

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else math.nan

    def quantile(self, q: float) -> float:
        """The value that a share ``q`` (0..1) of the observations did not exceed, estimated; NaN when empty."""
        if not self.count:
            return math.nan
        wanted = max(1, math.ceil(q * self.count))
        index = bisect_left(tuple(accumulate(self.buckets)), wanted)
        return min(self.largest, BOUNDS[index]) if index < len(BOUNDS) else self.largest

    def since(self, earlier: "HistogramReading") -> "HistogramReading":
        """What was seen between ``earlier`` and this."""
        return HistogramReading(
            self.name,
            self.labels,
            self.count - earlier.count,
            self.total - earlier.total,
            self.largest,
            tuple(now - then for now, then in zip(self.buckets, earlier.buckets, strict=True)),
        )


class Histogram:
    """How observations spread, in fixed log-spaced buckets."""

    __slots__ = ("_buckets", "count", "labels", "largest", "name", "total")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name, self.labels = name, labels
        self.count = 0
        self.total = 0.0
        self.largest = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)

    def observe(self, value: float) -> None:
        """Below zero (two machines' clocks) and NaN count as 0."""
        if not value > 0.0:
            value = 0.0
        elif value > self.largest:
            self.largest = value
        self._buckets[bisect_left(BOUNDS, value)] += 1
        self.count += 1
        self.total += value

    def reading(self) -> HistogramReading:
        return HistogramReading(self.name, self.labels, self.count, self.total, self.largest, tuple(self._buckets))


@dataclass(frozen=True, slots=True)
class Reading:
    """A counter's or a gauge's value at one moment."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class MetersReading:
    counters: tuple[Reading, ...]
    gauges: tuple[Reading, ...]
    histograms: tuple[HistogramReading, ...]


class Meters:
    """The meters of one running system by name and labels; asking twice gives the same meter."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], Counter] = {}
        self._gauges: dict[tuple[str, Labels], Gauge] = {}
        self._histograms: dict[tuple[str, Labels], Histogram] = {}

    def counter(self, name: str, labels: Labels = ()) -> Counter:
        return self._counters.setdefault((name, labels), Counter(name, labels))

    def gauge(self, name: str, labels: Labels = ()) -> Gauge:
        return self._gauges.setdefault((name, labels), Gauge(name, labels))

    def histogram(self, name: str, labels: Labels = ()) -> Histogram:
        found = self._histograms.get((name, labels))
        if found is None:
            found = self._histograms[name, labels] = Histogram(name, labels)
        return found

    def snapshot(self) -> MetersReading:
        """Everything, in the order of name and labels."""
        return MetersReading(
            tuple(Reading(m.name, m.labels, m.value) for _, m in sorted(self._counters.items(), key=_key)),
            tuple(Reading(m.name, m.labels, m.value) for _, m in sorted(self._gauges.items(), key=_key)),
            tuple(m.reading() for _, m in sorted(self._histograms.items(), key=_key)),
        )


def _key(item: tuple[tuple[str, Labels], object]) -> tuple[str, Labels]:
    return item[0]
