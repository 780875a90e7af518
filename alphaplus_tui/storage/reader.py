"""Answers what is stored: few rows, the right index, a deadline of two seconds."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe, duration_ns
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import DatabaseStatistics, LastTrade
from alphaplus_tui.storage.coverage_reader import CoverageReader
from alphaplus_tui.storage.instants import from_postgres, to_postgres
from alphaplus_tui.storage.known import KnownInstruments
from alphaplus_tui.storage.opinion_reader import OpinionReader
from alphaplus_tui.storage.pool import Pool
from alphaplus_tui.storage.querying import first_us
from alphaplus_tui.storage.statistics import statistics
from alphaplus_tui.storage.timescale import AGGREGATED, view_of

if TYPE_CHECKING:
    import asyncpg

_MS_NS = 1_000_000
_PROVENANCES = {provenance.value: provenance for provenance in Provenance}
_SIDES = {side.value: side for side in Side}

_CANDLES = """
SELECT open_time, open, high, low, close, volume, trades, buy_volume, provenance::text, revision, complete
FROM candles
WHERE instrument_id = $1 AND timeframe = $2 AND open_time >= $3 AND open_time < $4
ORDER BY open_time DESC LIMIT $5
"""

_MADE = """
SELECT opens, open, high, low, close, volume, CASE WHEN counted = parts THEN trades::bigint END,
       CASE WHEN bought = parts THEN buy_volume END, 'resampled', revision::bigint, complete
FROM {view}
WHERE instrument_id = $1 AND timeframe = $2 AND opens >= $3 AND opens < $4 AND parts = $5
ORDER BY opens DESC LIMIT $6
"""

_TRADES = """
SELECT trade_id, seq, price, quantity, side::text, ts, sub_ms_ns, ts_recv, provenance::text
FROM trades
WHERE instrument_id = $1 AND ts >= $2 AND ts < $3 AND (ts, sub_ms_ns) >= ($4, $5) AND (ts, sub_ms_ns) < ($6, $7)
  AND (ts, seq) > ($8, $9)
ORDER BY ts, seq LIMIT $10
"""

_PLACE = "SELECT max(ts) FROM trades WHERE instrument_id = $1 AND seq = $2 AND ts >= $3 AND ts < $4"
"""Where a page ended that nobody remembers; reads the whole range."""

_LAST_TRADES = """
SELECT wanted.id, last.seq, last.ts, last.sub_ms_ns
FROM unnest($1::integer[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT seq, ts, sub_ms_ns FROM trades WHERE instrument_id = wanted.id ORDER BY ts DESC, seq DESC LIMIT 1
) AS last
"""

_WHOLE_UNTIL = """
SELECT instrument_id, max(last_seq) AS until FROM coverage
WHERE kind = 'trades' AND state <> 'gap' AND instrument_id = ANY ($1) GROUP BY instrument_id
"""
"""Of instruments without numbers, whose numbers in the ledger are UTC ns."""

_INSTRUMENTS = """
SELECT exchange, symbol, venue_symbol, base, quote, price_step, quantity_step, numbered
FROM instruments ORDER BY exchange, symbol
"""

_TIMEFRAMES = """
SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS asked (name, place)
WHERE EXISTS (SELECT FROM candles WHERE instrument_id = $1 AND timeframe = name) ORDER BY place
"""

_EARLIEST = to_postgres(0)
_PLACES = 1000
"""Ends of pages that are remembered."""


class PostgresReader(OpinionReader, CoverageReader):
    """StoreReader on one pool."""

    def __init__(
        self,
        pool: Pool,
        known: KnownInstruments,
        *,
        meters: Meters,
        deadline_s: float,
        kind: str,
        unready: Callable[[], str],
    ) -> None:
        super().__init__(pool, known, meters=meters, deadline_s=deadline_s, kind=kind, unready=unready)
        self._places: dict[tuple[InstrumentId, int], int] = {}
        self._views: bool | None = None
        """Whether the database makes longer candles by itself; None while nobody asked."""

    async def candles(
        self, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, limit: int
    ) -> tuple[Candle, ...]:
        async with self._query("candles", instrument) as connection:
            if not self._known.has(instrument):
                return ()
            number = self._known.number(instrument)
            bounds = (first_us(start), first_us(end))
            rows = await connection.fetch(_CANDLES, number, timeframe, *bounds, limit)
        return tuple(_candle(instrument, timeframe, row) for row in reversed(rows))

    async def made_candles(
        self, instrument: InstrumentId, timeframe: Timeframe, source: Timeframe, *, start: int, end: int, limit: int
    ) -> tuple[Candle, ...] | None:
        """Of TimescaleDB's continuous aggregates."""
        if timeframe not in AGGREGATED:
            return None
        view = view_of(timeframe)
        async with self._query("made_candles", instrument) as connection:
            if self._views is None:
                self._views = bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", view))
            if not self._views:
                return None
            if not self._known.has(instrument):
                return ()
            number, parts = self._known.number(instrument), duration_ns(timeframe) // duration_ns(source)
            bounds = (first_us(start), first_us(end))
            rows = await connection.fetch(_MADE.format(view=view), number, source, *bounds, parts, limit)
        return tuple(_candle(instrument, timeframe, row) for row in reversed(rows))

    async def trades(
        self, instrument: InstrumentId, *, start: int, end: int, limit: int, after_seq: int | None = None
    ) -> tuple[Trade, ...]:
        """In the order of whole milliseconds, then seq."""
        async with self._query("trades", instrument) as connection:
            if not self._known.has(instrument) or start >= end:
                return ()
            number = self._known.number(instrument)
            first, last = _whole_ms(start), _whole_ms(end - 1)
            after = (_EARLIEST - 1, 0)
            if after_seq is not None:
                place = self._places.get((instrument, after_seq))
                if place is None:
                    place = await connection.fetchval(_PLACE, number, after_seq, first, last + 1)
                after = (_EARLIEST if place is None else place, after_seq)
            rows = await connection.fetch(
                _TRADES,
                number,
                max(first, after[0]),
                last + 1,
                first,
                start % _MS_NS,
                _whole_ms(end),
                end % _MS_NS,
                *after,
                limit,
            )
        if rows:
            self._remember(instrument, rows[-1])
        return tuple(_trade(instrument, row) for row in rows)

    async def last_trades(self, instruments: Sequence[InstrumentId]) -> dict[InstrumentId, LastTrade]:
        async with self._query("last_trades", *instruments) as connection:
            numbers = [self._known.number(instrument) for instrument in instruments if self._known.has(instrument)]
            rows = await connection.fetch(_LAST_TRADES, numbers)
            unnumbered = [row["id"] for row in rows if not self._known.is_numbered(self._known.instrument(row["id"]))]
            whole = await connection.fetch(_WHOLE_UNTIL, unnumbered) if unnumbered else ()
        last = {row["id"]: LastTrade(row["seq"], from_postgres(row["ts"]) + row["sub_ms_ns"]) for row in rows}
        for row in whole:
            if row["until"] < last[row["instrument_id"]].ts_event:
                last[row["instrument_id"]] = LastTrade(row["until"], row["until"])
        return {self._known.instrument(number): trade for number, trade in last.items()}

    async def instruments(self) -> tuple[Instrument, ...]:
        async with self._query("instruments") as connection:
            return tuple(Instrument(**dict(row)) for row in await connection.fetch(_INSTRUMENTS))

    async def timeframes(self, instrument: InstrumentId) -> tuple[Timeframe, ...]:
        async with self._query("timeframes", instrument) as connection:
            if not self._known.has(instrument):
                return ()
            rows = await connection.fetch(_TIMEFRAMES, self._known.number(instrument), list(TIMEFRAMES))
        return tuple(Timeframe(row["name"]) for row in rows)

    async def statistics(self) -> DatabaseStatistics:
        async with self._query("statistics", need_tables=False) as connection:
            return await statistics(connection, self._kind)

    async def ping(self) -> float:
        async with self._query("ping", need_tables=False) as connection:
            started = time.perf_counter()
            await connection.fetchval("SELECT 1")
            return time.perf_counter() - started

    def _remember(self, instrument: InstrumentId, last: "asyncpg.Record") -> None:
        """The next page begins behind ``last``, and need not look for it."""
        self._places[instrument, last["seq"]] = last["ts"]
        if len(self._places) > _PLACES:
            del self._places[next(iter(self._places))]


def _whole_ms(ts_ns: int) -> int:
    return to_postgres(max(0, ts_ns) // _MS_NS * _MS_NS)


def _candle(instrument: InstrumentId, timeframe: Timeframe, row: "asyncpg.Record") -> Candle:
    opened, *numbers, provenance, revision, complete = _values(row)
    return Candle(
        instrument,
        timeframe,
        from_postgres(opened),
        *numbers,
        provenance=_PROVENANCES[provenance],
        revision=revision,
        complete=complete,
    )


def _trade(instrument: InstrumentId, row: "asyncpg.Record") -> Trade:
    trade_id, seq, price, quantity, side, ts, sub_ms_ns, ts_recv, provenance = _values(row)
    return Trade(
        instrument,
        trade_id,
        seq,
        price,
        quantity,
        _SIDES[side],
        from_postgres(ts) + sub_ms_ns,
        from_postgres(ts_recv),
        _PROVENANCES[provenance],
    )


def _values(row: "asyncpg.Record") -> tuple[Any, ...]:
    return tuple(row.values())
