"""Writes down which trades and candles are missing, and why; forgets it when they are there."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.coverage import Series
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.ports.store import GapRecord
from alphaplus_tui.storage.instants import to_postgres
from alphaplus_tui.storage.small_tables import storable

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

COVERED = """
gap.last_seq - gap.first_seq < (
    SELECT coalesce(sum(least(c.last_seq, gap.last_seq) - greatest(c.first_seq, gap.first_seq) + 1), 0)
    FROM (
        SELECT * FROM coverage AS inside
        WHERE inside.instrument_id = gap.instrument_id AND inside.kind = gap.kind AND inside.timeframe = gap.timeframe
          AND inside.first_seq BETWEEN gap.first_seq AND gap.last_seq AND inside.state <> 'gap'
        UNION ALL (
            SELECT * FROM coverage AS before
            WHERE before.instrument_id = gap.instrument_id AND before.kind = gap.kind
              AND before.timeframe = gap.timeframe AND before.first_seq < gap.first_seq AND before.state <> 'gap'
            ORDER BY before.first_seq DESC LIMIT 1
        )
    ) AS c
    WHERE c.last_seq >= gap.first_seq
      AND c.start_at <= gap.end_at + interval '1 second' AND c.end_at >= gap.start_at - interval '1 second'
)
"""
"""Of a row ``gap``: whether all of it was stored meanwhile, of the same numbering."""

_MISSING = """
INSERT INTO coverage AS stored (
    instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq, missing, reason, noticed_at,
    changed_at
)
VALUES ($1, $2, $3, 'gap', $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (instrument_id, kind, timeframe, first_seq, start_at) WHERE state = 'gap' DO UPDATE SET
    end_at = excluded.end_at, last_seq = excluded.last_seq, missing = excluded.missing, reason = excluded.reason,
    changed_at = excluded.changed_at
WHERE excluded.changed_at > stored.changed_at
"""

_CLOSED = """
DELETE FROM coverage
WHERE instrument_id = $1 AND kind = $2 AND timeframe = $3 AND state = 'gap' AND first_seq = $5 AND start_at = $4
"""

_FORGET = f"""
DELETE FROM coverage AS gap USING unnest($1::integer[], $2::bigint[]) AS told (instrument_id, first_seq)
WHERE gap.state = 'gap' AND gap.instrument_id = told.instrument_id AND gap.first_seq = told.first_seq AND {COVERED}
"""  # noqa: S608 - words of ours


async def write_gaps(connection: "Connection", gaps: Sequence[GapRecord], number: Callable[[InstrumentId], int]) -> int:
    """How many records said something new. A gap that an older batch tells again of is forgotten if it is covered."""
    done = 0
    for gap in gaps:
        series = Series(gap.instrument, gap.timeframe)
        key = (number(gap.instrument), series.kind, series.timeframe, to_postgres(gap.start))
        if not gap.missing:
            done += _count(await connection.execute(_CLOSED, *key, gap.first_seq))
            continue
        done += _count(
            await connection.execute(
                _MISSING,
                *key,
                to_postgres(gap.end),
                gap.first_seq,
                gap.last_seq,
                gap.missing,
                storable(gap.reason),
                to_postgres(gap.noticed_at),
                to_postgres(gap.changed_at),
            )
        )
    missing = [gap for gap in gaps if gap.missing]
    if missing:
        await connection.execute(_FORGET, [number(gap.instrument) for gap in missing], [g.first_seq for g in missing])
    return done


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])
