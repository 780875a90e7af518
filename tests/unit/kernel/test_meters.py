"""Meters: cheap to feed, honest to read."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.kernel.meters import BOUNDS, Histogram, Meters


def test_asking_twice_gives_the_same_meter_and_labels_tell_them_apart() -> None:
    meters = Meters()
    trades, books = (("stream", "trades"),), (("stream", "books"),)
    meters.counter("events", trades).add()
    meters.counter("events", trades).add(2)
    meters.counter("events", books).add()
    meters.gauge("queue").set(3)
    meters.gauge("queue").set(7.5)
    meters.histogram("latency_s").observe(0.5)
    meters.histogram("latency_s").observe(0.5)
    seen = meters.snapshot()
    assert [(r.name, r.labels, r.value) for r in seen.counters] == [
        ("events", books, 1),
        ("events", trades, 3),
    ]
    assert [(r.name, r.value) for r in seen.gauges] == [("queue", 7.5)]
    assert [(r.name, r.count, r.mean) for r in seen.histograms] == [("latency_s", 2, 0.5)]


def test_an_empty_histogram_knows_no_quantile() -> None:
    reading = Histogram("x").reading()
    assert math.isnan(reading.quantile(0.5))
    assert math.isnan(reading.mean)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1), st.floats(0, 1))
def test_a_quantile_is_at_most_one_bucket_above_the_true_one(values: list[float], q: float) -> None:
    histogram = Histogram("x")
    for value in values:
        histogram.observe(value)
    true = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    assert true * 0.999999 <= histogram.reading().quantile(q) <= true * 10 ** (1 / 20) * 1.000001


def test_values_outside_of_the_buckets_are_counted_at_their_edges() -> None:
    histogram = Histogram("x")
    for value in (-1.0, 0.0, math.nan, 1e-9, 1e12):
        histogram.observe(value)
    reading = histogram.reading()
    assert (reading.count, reading.buckets[0], reading.buckets[-1], reading.largest) == (5, 4, 1, 1e12)
    assert (reading.quantile(0.5), reading.quantile(1.0), reading.total) == (BOUNDS[0], 1e12, 1e12 + 1e-9)


def test_a_window_is_the_difference_of_two_readings() -> None:
    histogram, rng = Histogram("x"), Random(3)
    for _ in range(1_000):
        histogram.observe(rng.uniform(10, 20))
    earlier = histogram.reading()
    for _ in range(100):
        histogram.observe(0.001)
    window = histogram.reading().since(earlier)
    assert window.count == 100
    assert 0.001 <= window.quantile(0.99) <= 0.00113
    assert abs(window.mean - 0.001) < 1e-9
