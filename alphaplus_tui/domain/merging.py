"""Puts runs of rows that were stored into the stretches that are covered already."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter

from msgspec import structs

from alphaplus_tui.domain.coverage import OUT_OF_ORDER_NS, Interval, Run

_first_seq, _last_seq = attrgetter("first_seq"), attrgetter("last_seq")


def merged(there: Sequence[Interval], runs: Iterable[Run]) -> list[Interval]:
    """What is covered when ``runs`` of one series are stored as well, one after the other, in order.

    Neighbours that came the same way are one.
    there: what is covered so far, at least all that overlaps a run or touches it.
    """
    held = sorted(there, key=_first_seq)
    apart = _are_apart(held)
    for run in runs:
        # those that the run overlaps or touches; where numbers were given twice, it may be any of them
        near = slice(
            bisect_left(held, run.first_seq - 1, key=_last_seq) if apart else 0,
            bisect_right(held, run.last_seq + 1, key=_first_seq) if apart else len(held),
        )
        with_run = _merged_near(held[near], run)
        apart = apart and _are_apart(with_run)
        held[near] = with_run
    return sorted(held, key=lambda interval: (interval.start, interval.first_seq))


def _merged_near(there: Sequence[Interval], run: Run) -> list[Interval]:
    ours, strangers = list[Interval](), list[Interval]()
    for interval in there:
        (ours if _same_numbering(interval, run) else strangers).append(interval)
    if run.replaces:
        ours = [piece for interval in ours for piece in _without(interval, run)]
    if not run.holes:
        ours += [run.part(first, last) for first, last in _uncovered(ours, run.first_seq, run.last_seq)]
    return sorted([*strangers, *_joined(ours)], key=_first_seq)


def _are_apart(intervals: Iterable[Interval]) -> bool:
    """Whether no number is in two of ``intervals``, which are in order."""
    return all(before.last_seq < after.first_seq for before, after in pairwise(intervals))


def _same_numbering(interval: Interval, run: Run) -> bool:
    """False where an exchange counted anew: then numbers that overlap or follow belong to different times."""
    start, end = run.start_of(run.first_seq), run.end_of(run.last_seq)
    if interval.last_seq < run.first_seq:
        return interval.end <= start + OUT_OF_ORDER_NS
    if run.last_seq < interval.first_seq:
        return end <= interval.start + OUT_OF_ORDER_NS
    return interval.start <= end + OUT_OF_ORDER_NS and start <= interval.end + OUT_OF_ORDER_NS


def _without(interval: Interval, run: Run) -> Iterator[Interval]:
    if run.last_seq < interval.first_seq or interval.last_seq < run.first_seq:
        yield interval
        return
    if interval.first_seq < run.first_seq:
        yield structs.replace(interval, last_seq=run.first_seq - 1, end=run.start_of(run.first_seq))
    if run.last_seq < interval.last_seq:
        yield structs.replace(interval, first_seq=run.last_seq + 1, start=run.end_of(run.last_seq))


def _uncovered(there: Iterable[Interval], first: int, last: int) -> Iterator[tuple[int, int]]:
    for interval in sorted(there, key=_first_seq):
        if interval.last_seq < first:
            continue
        if interval.first_seq > last:
            break
        if interval.first_seq > first:
            yield first, interval.first_seq - 1
        first = interval.last_seq + 1
    if first <= last:
        yield first, last


def _joined(intervals: Iterable[Interval]) -> Iterator[Interval]:
    before: Interval | None = None
    for interval in sorted(intervals, key=_first_seq):
        if before is None:
            before = interval
        elif before.cover is interval.cover and before.last_seq + 1 == interval.first_seq:
            end = max(before.end, interval.end)
            before = structs.replace(before, last_seq=interval.last_seq, end=end)
        else:
            yield before
            before = interval
    if before is not None:
        yield before
