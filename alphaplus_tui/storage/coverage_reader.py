"""Answers what is covered and what is missing, from the ledger alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.coverage import Cover, CoveragePlace, CoverageRow, without_covered_gaps
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import TIMEFRAMES
from alphaplus_tui.ports.store import GapRecord
from alphaplus_tui.storage.gaps import COVERED
from alphaplus_tui.storage.instants import from_postgres
from alphaplus_tui.storage.querying import Questioner, first_us

if TYPE_CHECKING:
    import asyncpg

_OPEN_GAPS = f"""
SELECT instrument_id, timeframe, first_seq, last_seq, missing, reason, noticed_at, changed_at, start_at, end_at
FROM coverage AS gap WHERE state = 'gap' AND NOT ({COVERED}) ORDER BY noticed_at, instrument_id, first_seq
"""  # noqa: S608 - words of ours

COVERAGE = """
SELECT instrument_id, timeframe, state, start_at, end_at, first_seq, last_seq, missing, reason
FROM coverage
WHERE (cardinality($1::integer[]) = 0 OR instrument_id = ANY ($1)) AND end_at >= $2 AND start_at < $3
ORDER BY start_at DESC LIMIT $4
"""

_FROM = f"""
SELECT instrument_id, timeframe, state, start_at, end_at, first_seq, last_seq, missing, reason
FROM coverage AS gap
WHERE (cardinality($1::integer[]) = 0 OR instrument_id = ANY ($1)) AND end_at >= $2 AND start_at < $3
  AND (instrument_id, timeframe, start_at, first_seq) >= ($4, $5, $6, $7) AND (state <> 'gap' OR NOT ({COVERED}))
ORDER BY instrument_id, timeframe, start_at, first_seq LIMIT $8
"""  # noqa: S608 - words of ours
_COVERS = {cover.value: cover for cover in Cover}
_ORDER = {name: place for place, name in enumerate(("", *TIMEFRAMES))}


class CoverageReader(Questioner):
    """The part of StoreReader that speaks of the ledger."""

    async def open_gaps(self) -> tuple[GapRecord, ...]:
        async with self._query("open_gaps") as connection:
            await self._known.learn(connection)
            rows = await connection.fetch(_OPEN_GAPS)
        return tuple(
            GapRecord(
                instrument=self._known.instrument(row["instrument_id"]),
                first_seq=row["first_seq"],
                last_seq=row["last_seq"],
                missing=row["missing"],
                reason=row["reason"],
                noticed_at=from_postgres(row["noticed_at"]),
                changed_at=from_postgres(row["changed_at"]),
                start=from_postgres(row["start_at"]),
                end=from_postgres(row["end_at"]),
                timeframe=row["timeframe"],
            )
            for row in rows
        )

    async def coverage(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, limit: int
    ) -> tuple[CoverageRow, ...]:
        async with self._query("coverage", *instruments) as connection:
            await self._known.learn(connection)
            numbers = [self._known.number(instrument) for instrument in instruments if self._known.has(instrument)]
            if instruments and not numbers:
                return ()
            rows = await connection.fetch(COVERAGE, numbers, first_us(start), first_us(end), limit)
        found = self._coverage_rows(rows)
        found.sort(key=lambda row: (row.instrument, _ORDER[row.timeframe], row.start, row.first_seq))
        return tuple(without_covered_gaps(found))

    async def coverage_from(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, place: CoveragePlace | None, limit: int
    ) -> tuple[CoverageRow, ...]:
        async with self._query("coverage_from", *instruments) as connection:
            await self._known.learn(connection)
            numbers = [self._known.number(instrument) for instrument in instruments if self._known.has(instrument)]
            if (instruments and not numbers) or (place is not None and not self._known.has(place.instrument)):
                return ()
            begin = (0, "", first_us(0), 0) if place is None else self._key(place)
            rows = await connection.fetch(_FROM, numbers, first_us(start), first_us(end), *begin, limit)
        return tuple(self._coverage_rows(rows))

    def _key(self, place: CoveragePlace) -> tuple[int, str, int, int]:
        return self._known.number(place.instrument), place.timeframe, first_us(place.start), place.first_seq

    def _coverage_rows(self, rows: "Sequence[asyncpg.Record]") -> list[CoverageRow]:
        """Thousands at a time, so nothing is looked up by name."""
        instrument_of = self._known.instrument
        return [
            CoverageRow(
                instrument_of(number),
                timeframe,
                _COVERS[state],
                from_postgres(start),
                from_postgres(end),
                first_seq,
                last_seq,
                missing,
                reason,
            )
            for number, timeframe, state, start, end, first_seq, last_seq, missing, reason in rows
        ]
