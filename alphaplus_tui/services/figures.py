"""Turns meters into rows that people read."""

from collections import deque
from collections.abc import Iterator, Mapping

from alphaplus_tui.kernel.meters import BOUNDS, HistogramReading, Labels
from alphaplus_tui.state.slices import CounterRow, LatencyRow

_OVER_S = 5.0


def latency_row(reading: HistogramReading) -> LatencyRow:
    """A histogram of seconds, in milliseconds."""
    bounds = (*BOUNDS, reading.largest)
    return LatencyRow(
        name=":".join((reading.name, *(value for _, value in reading.labels))),
        count=reading.count,
        p50=reading.quantile(0.5) * 1e3,
        p90=reading.quantile(0.9) * 1e3,
        p99=reading.quantile(0.99) * 1e3,
        longest=reading.largest * 1e3,
        buckets=tuple((bounds[i] * 1e3, count) for i, count in enumerate(reading.buckets) if count),
        total=reading.total * 1e3,
        labels=reading.labels,
    )


class Rates:
    """Remembers what counters were some seconds ago."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Mapping[str, float]]] = deque()

    def rows(
        self, now: float, values: Mapping[str, float], labels: Mapping[str, Labels] | None = None
    ) -> Iterator[CounterRow]:
        while len(self._past) > 1 and now - self._past[0][0] > _OVER_S:
            self._past.popleft()
        then, before = self._past[0] if self._past else (now, values)
        self._past.append((now, values))
        span_s = now - then
        for name, value in values.items():
            per_s = (value - before.get(name, 0.0)) / span_s if span_s > 0 else 0.0
            yield CounterRow(name, value, per_s, (labels or {}).get(name, ()))
