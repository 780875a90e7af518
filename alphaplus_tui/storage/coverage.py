"""Marks what is covered, in the transaction that stores the rows: what is marked is committed, whatever happens."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
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

_NEAR = """
SELECT id, first_seq, last_seq, start_at, end_at, state FROM coverage
WHERE instrument_id = $1 AND kind = $2 AND timeframe = $3 AND state <> 'gap' AND first_seq <= $5 AND last_seq >= $4
"""

_AHEAD = """
SELECT min(first_seq) FROM coverage
WHERE instrument_id = $1 AND kind = $2 AND timeframe = $3 AND state <> 'gap' AND first_seq > $4
"""

_NEW = """
INSERT INTO coverage (instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq)
SELECT $1, $2, $3, new.*
FROM unnest($4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::bigint[]) AS new
RETURNING id, state, start_at, first_seq
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
        for series in sorted(anew):
            await self._draw(connection, series, by_series[series], number(series.instrument))

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

    async def _draw(self, connection: "Connection", series: Series, runs: Sequence[Run], number: int) -> None:
        """Read what is near, put the runs in, and write what differs."""
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _LOCK, number)
        key = (number, series.kind, series.timeframe)
        first, last = min(run.first_seq for run in runs), max(run.last_seq for run in runs)
        rows = await connection.fetch(_NEAR, *key, first - 1, last + 1)
        ids = {_interval(row): int(row["id"]) for row in rows}
        intervals = merged(list(ids), runs)
        gone = [ids[interval] for interval in ids.keys() - set(intervals)]
        if gone:
            await connection.execute("DELETE FROM coverage WHERE id = ANY ($1)", gone)
        ids |= await self._insert(connection, [interval for interval in intervals if interval not in ids], key)
        await self._remember(connection, series, runs, {i: ids[i] for i in intervals}, key)

    async def _insert(
        self, connection: "Connection", new: Sequence[Interval], key: tuple[int, str, str]
    ) -> dict[Interval, int]:
        if not new:
            return {}
        rows = await connection.fetch(
            _NEW,
            *key,
            [interval.cover.value for interval in new],
            [to_postgres(interval.start) for interval in new],
            [to_postgres(interval.end) for interval in new],
            [interval.first_seq for interval in new],
            [interval.last_seq for interval in new],
        )
        ids = {(row["state"], row["start_at"], row["first_seq"]): int(row["id"]) for row in rows}
        return {i: ids[i.cover.value, to_postgres(i.start), i.first_seq] for i in new}

    async def _remember(
        self,
        connection: "Connection",
        series: Series,
        runs: Sequence[Run],
        ids: dict[Interval, int],
        key: tuple[int, str, str],
    ) -> None:
        """Of each cover the stretch that the last of its runs is in."""
        for cover in Cover:
            self._tails.pop((series, cover), None)
            those = sorted((i for i in ids if i.cover is cover), key=lambda interval: interval.first_seq)
            for run in (run for run in reversed(runs) if run.cover is cover):
                place = bisect_right(those, run.last_seq, key=lambda interval: interval.first_seq) - 1
                if place >= 0 and run.last_seq <= (interval := those[place]).last_seq:
                    ahead = await connection.fetchval(_AHEAD, *key, interval.last_seq)
                    ceiling = _NEVER_AHEAD if ahead is None else ahead
                    self._tails[series, cover] = _Tail(ids[interval], interval, ceiling)
                    break

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
