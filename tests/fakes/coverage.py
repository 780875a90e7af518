"""A ledger of coverage in memory, which keeps the same promises as the database's."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import structs

from alphaplus_tui.domain.coverage import (
    Cover,
    CoveragePlace,
    CoverageRow,
    Interval,
    Run,
    Series,
    candle_number,
    without_covered_gaps,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.merging import merged
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.ports.store import GapRecord

_SECOND_NS = 1_000_000_000


class FakeCoverage:
    """Stretches by series, and gaps."""

    def __init__(self) -> None:
        self.intervals: dict[Series, list[Interval]] = {}
        self.gaps: dict[tuple[Series, int, int], GapRecord] = {}

    def cover(self, runs: Iterable[Run]) -> None:
        for series, those in groupby(runs, key=lambda run: run.series):
            self.intervals[series] = merged(self.intervals.get(series, []), those)

    def missing(self, gap: GapRecord) -> bool:
        """Takes a record; whether it says something new."""
        series = Series(gap.instrument, gap.timeframe)
        key = (series, gap.first_seq, gap.start)
        if not gap.missing:
            return self.gaps.pop(key, None) is not None
        there = self.gaps.get(key)
        if there is not None and gap.changed_at <= there.changed_at:
            return False
        self.gaps[key] = gap
        return True

    def prune(self, kind: str, before: int) -> None:
        """Only trades a whole number of days apart, and candles, are cut where they straddle."""
        for series, intervals in self.intervals.items():
            if series.kind == kind:
                self.intervals[series] = [cut for i in intervals if (cut := _later(i, series, before)) is not None]
        self.gaps = {key: gap for key, gap in self.gaps.items() if key[0].kind != kind or gap.end > before}

    def compact(self, before: int) -> None:
        """Of what ended before then it is no longer said which parts were fetched later."""
        for series, intervals in self.intervals.items():
            kept: list[Interval] = []
            for interval in sorted(intervals, key=lambda i: i.first_seq):
                last = kept[-1] if kept else None
                both = last is not None and {last.cover, interval.cover} <= {Cover.LIVE, Cover.BACKFILLED}
                if last and both and last.last_seq + 1 == interval.first_seq and interval.end < before:
                    cover = Cover.LIVE if Cover.LIVE in {last.cover, interval.cover} else last.cover
                    kept[-1] = structs.replace(last, last_seq=interval.last_seq, end=interval.end, cover=cover)
                else:
                    kept.append(interval)
            self.intervals[series] = kept

    def open_gaps(self) -> list[GapRecord]:
        return [gap for (series, _, _), gap in self.gaps.items() if not self._covered(series, gap)]

    def rows(self, instruments: Sequence[InstrumentId], start: int, end: int, limit: int) -> tuple[CoverageRow, ...]:
        newest = sorted(self._rows(instruments, start, end), key=lambda row: -row.start)[:limit]
        order = ("", *TIMEFRAMES)
        newest.sort(key=lambda r: (r.instrument, order.index(r.timeframe), r.start, r.first_seq))
        return tuple(without_covered_gaps(newest))

    def rows_from(
        self, instruments: Sequence[InstrumentId], start: int, end: int, place: CoveragePlace | None, limit: int
    ) -> tuple[CoverageRow, ...]:
        rows = sorted(self._rows(instruments, start, end), key=_place)
        return tuple(row for row in rows if place is None or _place(row) >= _place(place))[:limit]

    def _rows(self, instruments: Sequence[InstrumentId], start: int, end: int) -> list[CoverageRow]:
        found = [
            CoverageRow(of.instrument, of.timeframe, i.cover, i.start, i.end, i.first_seq, i.last_seq)
            for of, intervals in self.intervals.items()
            for i in intervals
        ]
        found += [
            CoverageRow(
                gap.instrument,
                gap.timeframe,
                Cover.GAP,
                gap.start,
                gap.end,
                gap.first_seq,
                gap.last_seq,
                gap.missing,
                gap.reason,
            )
            for gap in self.open_gaps()
        ]
        found = [row for row in found if row.end >= start and row.start < end]
        return [row for row in found if not instruments or row.instrument in instruments]

    def _covered(self, series: Series, gap: GapRecord) -> bool:
        there = [
            min(i.last_seq, gap.last_seq) - max(i.first_seq, gap.first_seq) + 1
            for i in self.intervals.get(series, [])
            if i.first_seq <= gap.last_seq
            and i.last_seq >= gap.first_seq
            and i.start <= gap.end + _SECOND_NS
            and i.end >= gap.start - _SECOND_NS
        ]
        return sum(there) > gap.last_seq - gap.first_seq


def _place(of: CoverageRow | CoveragePlace) -> tuple[InstrumentId, str, int, int]:
    return of.instrument, of.timeframe, of.start, of.first_seq


def _later(interval: Interval, series: Series, before: int) -> Interval | None:
    """What of it is not older than ``before``."""
    if interval.cover not in {Cover.LIVE, Cover.BACKFILLED} or interval.start >= before:
        return interval
    if interval.end <= before:
        return None
    if series.timeframe:
        first = candle_number(before - 1, Timeframe(series.timeframe)) + 1
    else:
        count = interval.last_seq - interval.first_seq
        first = interval.last_seq - (interval.end - before) * count // (interval.end - interval.start)
    return structs.replace(interval, first_seq=first, start=before)
