"""Reads the map of what is stored, and makes every hole in it visible."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from msgspec import structs

from alphaplus_tui.domain.coverage import Cover, CoveragePlace, CoverageRow
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.ports.store import StoreReader

NOT_STORED = "nothing of this time is stored"
COUNTED_ANEW = "the exchange began to count its trades anew"

_US_NS = 1_000
_GAP = Cover.GAP


async def coverage_map(
    reader: StoreReader,
    instruments: Sequence[InstrumentId],
    *,
    start: int,
    end: int,
    limit: int,
    heard: Mapping[InstrumentId, int] | None = None,
) -> tuple[CoverageRow, ...]:
    """Stretches and gaps by instrument, timeframe and time; the newest ``limit``, and the holes between them.

    heard: of instruments whose stream is live, the time of the newest trade. Where that one is stored, everything up
    to ``end`` is covered: nothing traded since.
    """
    rows = await reader.coverage(instruments, start=start, end=end, limit=limit)
    return tuple(_until_now(with_holes(rows), heard or {}, end))


async def coverage_page(
    reader: StoreReader,
    instruments: Sequence[InstrumentId],
    *,
    start: int,
    end: int,
    after: CoveragePlace | None,
    limit: int,
    heard: Mapping[InstrumentId, int] | None = None,
) -> tuple[CoverageRow, ...]:
    """As ``coverage_map``, but the first ``limit`` rows after a place, or from the beginning."""
    rows = await reader.coverage_from(instruments, start=start, end=end, place=after, limit=limit + 1)
    found = [row for row in with_holes(rows) if after is None or _is_later(row, after)]
    return tuple(_until_now(found[:limit], heard or {}, end))


def _is_later(row: CoverageRow, place: CoveragePlace) -> bool:
    """Of rows that are not before it."""
    same = (row.instrument, row.timeframe) == (place.instrument, place.timeframe)
    return not same or (row.start, row.first_seq) > (place.start, place.first_seq)


def with_holes(rows: Iterable[CoverageRow]) -> Iterator[CoverageRow]:
    """The rows with a gap wherever neither a stretch nor a recorded gap is.

    rows: by instrument, timeframe and time.
    """
    for _, series in groupby(rows, key=lambda row: (row.instrument, row.timeframe)):
        those = list(series)
        gaps = [row for row in those if row.cover is Cover.GAP]
        covered = [row for row in those if row.cover is not Cover.GAP]
        holes = [hole for before, after in pairwise(covered) for hole in _hole(before, after)]
        holes = [hole for hole in holes if not any(gap.start < hole.end and hole.start < gap.end for gap in gaps)]
        yield from sorted([*those, *holes], key=lambda row: (row.start, row.first_seq)) if holes else those


def _hole(before: CoverageRow, after: CoverageRow) -> Iterator[CoverageRow]:
    if after.start - before.end <= _US_NS or after.first_seq == before.last_seq + 1:
        return
    anew = after.first_seq <= before.last_seq
    missing = 1 if anew or not after.counted else after.first_seq - before.last_seq - 1
    yield CoverageRow(
        instrument=before.instrument,
        timeframe=before.timeframe,
        cover=Cover.GAP,
        start=before.end,
        end=after.start,
        first_seq=before.last_seq + 1,
        last_seq=after.first_seq - 1,
        missing=missing,
        reason=COUNTED_ANEW if anew else NOT_STORED,
    )


def _until_now(rows: Iterable[CoverageRow], heard: Mapping[InstrumentId, int], now: int) -> list[CoverageRow]:
    there = list(rows)
    newest = {row.instrument: place for place, row in enumerate(there) if not row.timeframe and row.cover is not _GAP}
    for instrument, place in newest.items():
        row = there[place]
        if heard.get(instrument, now) // _US_NS <= row.end // _US_NS and row.end < now:
            there[place] = structs.replace(row, end=now)
    return there
