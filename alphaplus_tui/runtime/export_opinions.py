"""Takes stored signals and decisions out of the database, page by page, into a table."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from math import isfinite
from typing import BinaryIO, TypeVar

from alphaplus_tui.domain.analysis import Decision, Outcome, Probabilities, Signal
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of, symbol_of
from alphaplus_tui.files.tables import Cell, Column, Row, open_table
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.export import instruments_of

T = TypeVar("T")

_PAGE = 1_000
_WHOSE = (Column("id", "text"), Column("exchange", "text"), Column("symbol", "text"), Column("timeframe", "text"))
_PROBABILITIES = (Column("p_down", "number"), Column("p_none", "number"), Column("p_up", "number"))
SIGNAL_COLUMNS = (
    *_WHOSE,
    *(Column("made_at", "time"), Column("model", "text"), Column("direction", "text")),
    *_PROBABILITIES,
    *(Column("expected_value_bps", "number"), Column("entry", "number"), Column("target", "number")),
    *(Column("stop", "number"), Column("expires_at", "time"), Column("result", "text"), Column("resolved_at", "time")),
    *(Column("exit_price", "number"), Column("result_bps", "number")),
)
DECISION_COLUMNS = (
    *_WHOSE,
    *(Column("open_time", "time"), Column("decided_at", "time"), Column("role", "text"), Column("model", "text")),
    *(Column("direction", "text"), Column("gate", "text"), Column("reason", "text"), Column("passed", "text")),
    *_PROBABILITIES,
    *(Column("lean", "text"), Column("expected_value_bps", "number"), Column("agreement", "number")),
    *(Column("spread_bps", "number"), Column("entry", "number"), Column("target", "number"), Column("stop", "number")),
    *(Column("expires_at", "time"), Column("as_of", "text"), Column("candle_revision", "count")),
    *(Column("absent", "text"), Column("out_of_range", "text"), Column("features", "text")),
)


async def export_signals(
    reader: StoreReader, stream: BinaryIO, format_name: str, *, symbols: Sequence[str] = (), start: int = 0, end: int
) -> int:
    """Writes the signals with ``start <= made_at < end`` (UTC ns) and what became of them, an instrument after the
    other, the newest first; returns how many."""
    instruments = await instruments_of(reader, symbols)
    table = open_table(stream, SIGNAL_COLUMNS, format_name)
    written = 0
    for instrument in instruments:

        async def page(before: int, limit: int, whose: InstrumentId = instrument) -> Sequence[_Told]:
            return await reader.signals(whose, before=before, limit=limit)

        async for some in _pages(page, lambda told: told[0].id, lambda told: told[0].made_at, start=start, end=end):
            table.write([_signal_row(*told) for told in some])
            written += len(some)
    table.close()
    return written


async def export_decisions(
    reader: StoreReader, stream: BinaryIO, format_name: str, *, symbols: Sequence[str] = (), start: int = 0, end: int
) -> int:
    """Writes the decisions with ``start <= decided_at < end`` (UTC ns), an instrument after the other, the newest
    first; returns how many. ``features`` is the served row as JSON, null where a feature was absent."""
    instruments = await instruments_of(reader, symbols)
    table = open_table(stream, DECISION_COLUMNS, format_name)
    written = 0
    for instrument in instruments:

        async def page(before: int, limit: int, whose: InstrumentId = instrument) -> Sequence[Decision]:
            return await reader.decisions(whose, before=before, limit=limit)

        async for some in _pages(page, lambda made: made.id, lambda made: made.decided_at, start=start, end=end):
            table.write(list(map(_decision_row, some)))
            written += len(some)
    table.close()
    return written


_Told = tuple[Signal, Outcome | None]


async def _pages(
    ask: Callable[[int, int], Awaitable[Sequence[T]]],
    id_of: Callable[[T], str],
    time_of: Callable[[T], int],
    *,
    start: int,
    end: int,
) -> AsyncGenerator[list[T]]:
    """Newest first. Several may share a moment: the last one's is asked for again, and what came before left out."""
    seen: set[str] = set()
    limit, before = _PAGE, end
    while True:
        page = await ask(before, limit)
        new = [row for row in page if id_of(row) not in seen and time_of(row) >= start]
        if new:
            yield new
        if len(page) < limit or time_of(page[-1]) < start:
            return
        last = time_of(page[-1])
        limit = limit * 2 if last + 1 >= before else _PAGE
        before = last + 1
        seen = {id_of(row) for row in page if time_of(row) == last} | (seen if limit > _PAGE else set())


def _signal_row(signal: Signal, outcome: Outcome | None) -> Row:
    ended: tuple[Cell, ...] = (None, None, None, None)
    if outcome is not None:
        ended = (outcome.result.value, outcome.resolved_at, outcome.exit_price, outcome.result_bps)
    return (
        *_whose(signal.id, signal.instrument, signal.timeframe),
        *(signal.made_at, signal.model, signal.direction.value),
        *_chances(signal.probabilities),
        *(signal.expected_value_bps, signal.entry, signal.target, signal.stop, signal.expires_at),
        *ended,
    )


def _decision_row(made: Decision) -> Row:
    seen = made.prediction
    features = json.dumps([value if isfinite(value) else None for value in seen.features])
    return (
        *_whose(made.id, seen.instrument, seen.timeframe),
        *(seen.open_time, made.decided_at, made.role.value, seen.model),
        *(made.direction.value, made.gate, made.reason, ", ".join(made.passed)),
        *_chances(seen.probabilities),
        *(made.lean.value, made.expected_value_bps, made.agreement),
        *(made.spread_bps, seen.entry, made.target, made.stop),
        *(made.expires_at, "true" if made.as_of else "false", seen.candle_revision),
        *(", ".join(seen.absent), ", ".join(seen.out_of_range), features),
    )


def _whose(identity: str, instrument: InstrumentId, timeframe: str) -> Row:
    return identity, exchange_of(instrument), symbol_of(instrument), timeframe


def _chances(probabilities: Probabilities | None) -> Row:
    if probabilities is None:
        return None, None, None
    return probabilities.down, probabilities.none, probabilities.up
