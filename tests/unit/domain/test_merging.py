"""What is covered after many runs is what it would be if each row were put in by itself."""

from itertools import pairwise
from random import Random

import pytest

from alphaplus_tui.domain.coverage import Cover, Interval, Run, Series
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.merging import merged

SERIES = Series(InstrumentId("fake:BTC/USDT"))
_SECOND_NS = 1_000_000_000
_COVERS = (Cover.LIVE, Cover.BACKFILLED, Cover.IMPORTED)


def start_of(seq: int) -> int:
    return seq * _SECOND_NS


def end_of(seq: int) -> int:
    return (seq + 1) * _SECOND_NS


def later_start_of(seq: int) -> int:
    return start_of(seq + 1_000_000)


def a_run(first: int, last: int, cover: Cover, *, replaces: bool = False, holes: bool = False) -> Run:
    return Run(SERIES, first, last, cover, start_of, end_of, replaces=replaces, holes=holes)


def some_runs(rng: Random, count: int, *, replaces: bool) -> list[Run]:
    runs: list[Run] = []
    for _ in range(count):
        first = rng.randrange(200)
        holes = replaces and rng.random() < 0.3
        runs.append(
            a_run(first, first + rng.randrange(12), rng.choice(_COVERS), replaces=replaces, holes=holes),
        )
    return runs


def by_number(runs: list[Run]) -> dict[int, Cover]:
    """Each row put in by itself."""
    covers: dict[int, Cover] = {}
    for run in runs:
        for seq in range(run.first_seq, run.last_seq + 1):
            if run.holes:
                covers.pop(seq, None)
            elif run.replaces or seq not in covers:
                covers[seq] = run.cover
    return covers


def spelt_out(intervals: list[Interval]) -> dict[int, Cover]:
    return {seq: i.cover for i in intervals for seq in range(i.first_seq, i.last_seq + 1)}


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_many_runs_cover_what_their_rows_cover(seed: int, replaces: bool) -> None:
    rng = Random(seed)
    runs = some_runs(rng, 60, replaces=replaces)
    cut = rng.randrange(60)
    intervals = merged(merged([], runs[:cut]), runs[cut:])
    assert spelt_out(intervals) == by_number(runs)
    for before, after in pairwise(intervals):
        assert before.last_seq < after.first_seq
        assert before.last_seq + 1 < after.first_seq or before.cover is not after.cover, "these should be one"
    for interval in intervals:
        assert (interval.start, interval.end) == (start_of(interval.first_seq), end_of(interval.last_seq))


@pytest.mark.parametrize("seed", range(10))
def test_where_an_exchange_counted_anew_both_times_are_covered(seed: int) -> None:
    earlier = a_run(0, 300, Cover.IMPORTED)
    runs = some_runs(Random(seed), 40, replaces=False)
    later = [Run(SERIES, run.first_seq, run.last_seq, run.cover, later_start_of, later_start_of) for run in runs]
    first, *intervals = merged(merged([], [earlier]), later)
    assert first == earlier.part(0, 300)
    assert spelt_out(intervals) == by_number(runs)
    assert intervals[0].start >= later_start_of(0)
