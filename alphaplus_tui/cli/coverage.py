"""``alphaplus coverage``: what is stored whole, what was repaired, what is missing and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
import typer

from alphaplus_tui.cli.options import Wishes, check_span
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.coverage import Cover, CoverageRow
from alphaplus_tui.domain.instants import iso_second, iso_time
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of, symbol_of
from alphaplus_tui.domain.text import clean
from alphaplus_tui.runtime.export import instruments_of
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.services.stored_coverage import coverage_map
from alphaplus_tui.settings.root import Settings

_MOST_GAPS = 20
"""Of a series that are printed; JSON has all."""
_FOREVER = 2**63 - 1


def show_coverage(
    wishes: Wishes, symbols: Sequence[str], *, since: int | None, until: int | None, limit: int, as_json: bool
) -> None:
    check_span(since, until)

    async def work(_: Settings, database: ShortDatabase) -> tuple[CoverageRow, ...]:
        wanted: Sequence[InstrumentId] = await instruments_of(database.reader, symbols) if symbols else ()
        end = _FOREVER if until is None else until
        return await coverage_map(database.reader, wanted, start=since or 0, end=end, limit=limit + 1)

    rows = with_database(wishes, "coverage", work)
    more = len(rows) > limit
    rows = _newest(rows, limit)
    if as_json:
        found = {"event": "coverage", "rows": [_as_json(row) for row in rows], "more": more}
        typer.echo(msgspec.json.encode(found).decode())
    elif not rows and (symbols or since is not None or until is not None):
        typer.echo("nothing of that is stored; without --symbol, --since and --until all is shown")
    elif not rows:
        typer.echo("nothing is stored yet; `alphaplus` follows a market, `alphaplus import` loads history")
    else:
        for line in describe(rows):
            typer.echo(clean(line, limit=300))
        if more:
            typer.echo(
                f"these are the newest {limit:,} stretches; --limit, --symbol, --since and --until choose others"
            )


def _newest(rows: Sequence[CoverageRow], limit: int) -> Sequence[CoverageRow]:
    """In the order they have."""
    if len(rows) <= limit:
        return rows
    oldest = sorted(range(len(rows)), key=lambda place: rows[place].start)[: len(rows) - limit]
    left_out = set(oldest)
    return [row for place, row in enumerate(rows) if place not in left_out]


def describe(rows: Sequence[CoverageRow]) -> Iterator[str]:
    """The map in words, a few lines a series."""
    for (instrument, timeframe), series in groupby(rows, key=lambda row: (row.instrument, row.timeframe)):
        those = list(series)
        gaps = [row for row in those if row.cover is Cover.GAP]
        name = f"{instrument:<22} {f'candles {timeframe}' if timeframe else 'trades':<12}"
        spans = [f"{cover} {duration}" for cover in Cover if (duration := _duration(those, cover))]
        span = f"{iso_second(those[0].start)} to {iso_second(max(row.end for row in those))}"
        yield f"{name} {span}  {', '.join(spans) or 'nothing'}  {_count(len(gaps), 'gap')}"
        for gap in gaps[-_MOST_GAPS:]:
            what = _count(gap.missing, "candle" if timeframe else "trade") if gap.counted else "trades"
            told = gap.reason or "being fetched"
            yield f"    GAP {iso_second(gap.start)} to {iso_second(gap.end)}  {what} missing: {told}"
        if len(gaps) > _MOST_GAPS:
            yield f"    … and {len(gaps) - _MOST_GAPS} earlier gaps; --json has all"


def _as_json(row: CoverageRow) -> dict[str, object]:
    return {
        "exchange": exchange_of(row.instrument),
        "symbol": symbol_of(row.instrument),
        "kind": "candles" if row.timeframe else "trades",
        "timeframe": row.timeframe,
        "state": row.cover.value,
        "start": iso_time(row.start),
        "end": iso_time(row.end),
        "missing": row.missing,
        "reason": row.reason,
    }


def _duration(rows: Sequence[CoverageRow], cover: Cover) -> str:
    seconds = sum(row.end - row.start for row in rows if row.cover is cover) / 1e9
    if cover is Cover.GAP or not any(row.cover is cover for row in rows):
        return ""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
