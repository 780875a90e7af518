"""Marks what is covered, in the transaction that stores the rows: what is marked is committed, whatever happens."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.coverage import Cover, Interval, Run, Series, candle_number
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.merging import merged
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.storage.instants import from_postgres, to_postgres

if TYPE_CHECKING:
    import asyncpg

    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

_LOCK = 0x416C706A
"""Of PostgreSQL's advisory locks, with an instrument's number: whoever draws its map anew holds it."""
_NEVER_AHEAD = 2**63 - 1
_OUT_OF_ORDER_NS = 1_000_000_000

_GROW = """
UPDATE coverage SET last_seq = grown.last_seq, end_at = greatest(coverage.end_at, grown.end_at)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS grown (id, before, last_seq, end_at)
WHERE coverage.id = grown.id AND coverage.last_seq = grown.before
RETURNING coverage.id
"""

_HOLD = "SELECT pg_advisory_xact_lock($1, instrument) FROM unnest($2::integer[]) AS instrument"

# of each series by the index: OFFSET keeps the planner from reading the table once for all
_NEAR = """
SELECT wanted.place, near.* FROM
    unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
        AS wanted (instrument_id, kind, timeframe, first_seq, last_seq, place),
    LATERAL (
        SELECT id, first_seq, last_seq, start_at, end_at, state FROM coverage
        WHERE instrument_id = wanted.instrument_id AND kind = wanted.kind AND timeframe = wanted.timeframe
          AND state <> 'gap' AND first_seq <= wanted.last_seq AND last_seq >= wanted.first_seq
        OFFSET 0
    ) AS near
"""

_AHEAD = """
SELECT (
    SELECT min(first_seq) FROM coverage
    WHERE instrument_id = tail.instrument_id AND kind = tail.kind AND timeframe = tail.timeframe
      AND state <> 'gap' AND first_seq > tail.last_seq
) AS first_seq
FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
    AS tail (instrument_id, kind, timeframe, last_seq, place)
ORDER BY tail.place
"""

_NEW = """
INSERT INTO coverage (instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq)
SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                     $7::bigint[], $8::bigint[])
RETURNING id, instrument_id, timeframe, state, start_at, first_seq
"""

_STRADDLING = """
SELECT id, instrument_id, timeframe, first_seq FROM coverage
WHERE kind = $1 AND state = ANY ($2) AND start_at < $3 AND end_at >= $3
"""

_CUT = "UPDATE coverage SET start_at = $2, first_seq = greatest(first_seq, least(last_seq, $3)) WHERE id = $1"

_COMPACT = """
WITH placed AS (
    SELECT *, lag(last_seq) OVER series AS last_before, lag(end_at) OVER series AS end_before
    FROM coverage WHERE state = ANY ($2) AND end_at < $1
    WINDOW series AS (PARTITION BY instrument_id, kind, timeframe ORDER BY first_seq, start_at)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE last_before IS DISTINCT FROM first_seq - 1
                               OR end_before > start_at + interval '1 second')
              OVER (PARTITION BY instrument_id, kind, timeframe ORDER BY first_seq, start_at) AS stretch
    FROM placed
), wholes AS (
    SELECT instrument_id, kind, timeframe, min(state) FILTER (WHERE state = 'live') AS live, min(state) AS other,
           min(start_at) AS start_at, max(end_at) AS end_at, min(first_seq) AS first_seq, max(last_seq) AS last_seq,
           array_agg(id) AS parts
    FROM numbered GROUP BY instrument_id, kind, timeframe, stretch HAVING count(*) > 1
), gone AS (
    DELETE FROM coverage WHERE id IN (SELECT unnest(parts) FROM wholes)
)
INSERT INTO coverage (instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq)
SELECT instrument_id, kind, timeframe, coalesce(live, other), start_at, end_at, first_seq, last_seq FROM wholes
"""


class _Tail:
    """A stretch that the next rows will probably make longer."""

    __slots__ = ("ceiling", "end", "first_seq", "id", "last_seq")

    def __init__(self, row_id: int, interval: Interval, ceiling: int) -> None:
        """ceiling: where the next stretch begins."""
        self.id, self.ceiling = row_id, ceiling
        self.first_seq, self.last_seq, self.end = interval.first_seq, interval.last_seq, interval.end

    def takes(self, run: Run) -> bool:
        if run.holes or not self.last_seq <= run.last_seq < self.ceiling:
            return False
        start = run.start_of(run.first_seq)
        if run.first_seq == self.last_seq + 1:
            return start >= self.end - _OUT_OF_ORDER_NS
        overlaps = not run.replaces and self.first_seq <= run.first_seq <= self.last_seq
        return overlaps and abs(start - self.end) <= _OUT_OF_ORDER_NS


class _Drawn:
    """A series whose map is drawn anew around what was stored of it."""

    def __init__(self, series: Series, number: NumberOf, runs: Sequence[Run]) -> None:
        self.series, self.number, self.runs = series, number(series.instrument), runs
        self.ids: dict[Interval, int] = {}
        """Of the stretches that are in the database."""
        self.new: list[Interval] = []
        self._all: list[Interval] = []

    def merge(self) -> list[int]:
        """Puts the runs in; returns the ids of stretches that are there no more."""
        self._all = merged(list(self.ids), self.runs)
        self.new = [interval for interval in self._all if interval not in self.ids]
        return [self.ids.pop(interval) for interval in self.ids.keys() - set(self._all)]

    def last_ones(self) -> Iterator[Interval]:
        """Of each cover the stretch that the last of its runs is in."""
        for cover in Cover:
            those = sorted((i for i in self._all if i.cover is cover), key=lambda interval: interval.first_seq)
            for run in (run for run in reversed(self.runs) if run.cover is cover):
                place = bisect_right(those, run.last_seq, key=lambda interval: interval.first_seq) - 1
                if place >= 0 and run.last_seq <= those[place].last_seq:
                    yield those[place]
                    break


def _keys(drawn: Sequence[_Drawn]) -> tuple[list[int], list[str], list[str]]:
    return (
        [one.number for one in drawn],
        [one.series.kind for one in drawn],
        [one.series.timeframe for one in drawn],
    )


class CoverageWriter:
    """Knows the newest stretch of each series by heart, so that most batches cost one statement."""

    def __init__(self) -> None:
        self._tails: dict[tuple[Series, Cover], _Tail] = {}

    def forget(self) -> None:
        """A transaction was rolled back, or rows went: look again."""
        self._tails.clear()

    async def cover(self, connection: "Connection", runs: Iterable[Run], number: NumberOf) -> None:
        """Within the transaction that stored what ``runs`` speak of; ``forget`` when that fails."""
        by_series: dict[Series, list[Run]] = {}
        for run in runs:
            by_series.setdefault(run.series, []).append(run)
        growing: dict[int, tuple[_Tail, Run]] = {}
        anew: set[Series] = set()
        for series, those in by_series.items():
            tails = [self._tails.get((series, run.cover)) for run in those]
            grown = {tail.id: (tail, run) for tail, run in zip(tails, those, strict=True) if tail and tail.takes(run)}
            if len(grown) == len(those):
                growing |= grown
            else:
                anew.add(series)
        anew |= await self._grow(connection, growing)
        if anew:
            await self._draw(connection, [_Drawn(series, number, by_series[series]) for series in sorted(anew)])

    async def _grow(self, connection: "Connection", growing: dict[int, tuple[_Tail, Run]]) -> set[Series]:
        """The usual case; returns the series for which somebody else was faster."""
        if not growing:
            return set()
        grown = await connection.fetch(
            _GROW,
            list(growing),
            [tail.last_seq for tail, _ in growing.values()],
            [run.last_seq for _, run in growing.values()],
            [to_postgres(run.end_of(run.last_seq)) for _, run in growing.values()],
        )
        for row in grown:
            tail, run = growing.pop(row["id"])
            tail.last_seq, tail.end = run.last_seq, max(tail.end, run.end_of(run.last_seq))
        return {run.series for _, run in growing.values()}

    async def _draw(self, connection: "Connection", drawn: Sequence["_Drawn"]) -> None:
        """Read what is near, put the runs in, and write what differs."""
        await connection.execute(_HOLD, _LOCK, sorted({one.number for one in drawn}))
        firsts = [min(run.first_seq for run in one.runs) - 1 for one in drawn]
        lasts = [max(run.last_seq for run in one.runs) + 1 for one in drawn]
        for row in await connection.fetch(_NEAR, *_keys(drawn), firsts, lasts):
            drawn[int(row["place"]) - 1].ids[_interval(row)] = int(row["id"])
        gone = [one_id for one in drawn for one_id in one.merge()]
        if gone:
            await connection.execute("DELETE FROM coverage WHERE id = ANY ($1)", gone)
        await self._insert(connection, [(one, interval) for one in drawn for interval in one.new])
        await self._remember(connection, drawn)

    @staticmethod
    async def _insert(connection: "Connection", new: Sequence[tuple["_Drawn", Interval]]) -> None:
        if not new:
            return
        rows = await connection.fetch(
            _NEW,
            *_keys([one for one, _ in new]),
            [interval.cover.value for _, interval in new],
            [to_postgres(interval.start) for _, interval in new],
            [to_postgres(interval.end) for _, interval in new],
            [interval.first_seq for _, interval in new],
            [interval.last_seq for _, interval in new],
        )
        ids = {tuple(row)[1:]: int(row["id"]) for row in rows}
        for one, i in new:
            one.ids[i] = ids[one.number, one.series.timeframe, i.cover.value, to_postgres(i.start), i.first_seq]

    async def _remember(self, connection: "Connection", drawn: Sequence["_Drawn"]) -> None:
        """Of each cover the stretch that the last of its runs is in."""
        for one in drawn:
            for cover in Cover:
                self._tails.pop((one.series, cover), None)
        tails = [(one, interval) for one in drawn for interval in one.last_ones()]
        lasts = [interval.last_seq for _, interval in tails]
        ahead = await connection.fetch(_AHEAD, *_keys([one for one, _ in tails]), lasts)
        for (one, interval), (first_seq,) in zip(tails, ahead, strict=True):
            ceiling = _NEVER_AHEAD if first_seq is None else first_seq
            self._tails[one.series, interval.cover] = _Tail(one.ids[interval], interval, ceiling)

    async def compact(self, connection: "Connection", before: int, states: Sequence[str]) -> None:
        """Of what ended before ``before`` (UTC ns) it is no longer said which short stretches were fetched later."""
        await connection.execute(_COMPACT, to_postgres(before), list(states))
        self.forget()

    async def prune(self, connection: "Connection", kind: str, before: int, states: Sequence[str]) -> None:
        """What was stored before ``before`` (UTC ns) and came so is there no more; gaps of that time go as well."""
        self.forget()
        cut = to_postgres(before)
        async with connection.transaction():
            await connection.execute(
                "DELETE FROM coverage WHERE kind = $1 AND end_at <= $2 AND state = ANY ($3)",
                kind,
                cut,
                [*states, Cover.GAP.value],
            )
            for row in await connection.fetch(_STRADDLING, kind, list(states), cut):
                if row["timeframe"]:
                    first = candle_number(before - 1, Timeframe(row["timeframe"])) + 1
                else:
                    first = await connection.fetchval(
                        "SELECT seq FROM trades WHERE instrument_id = $1 AND ts >= $2 ORDER BY ts, seq LIMIT 1",
                        row["instrument_id"],
                        cut,
                    )
                await connection.execute(_CUT, row["id"], cut, row["first_seq"] if first is None else first)


def _interval(row: "asyncpg.Record") -> Interval:
    return Interval(
        row["first_seq"],
        row["last_seq"],
        from_postgres(row["start_at"]),
        from_postgres(row["end_at"]),
        Cover(row["state"]),
    )
