"""``alphaplus import``: history out of files into the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import Timeframe, parse_timeframe
from alphaplus_tui.errors import EXIT_FAILURE, UnknownName, UsageError
from alphaplus_tui.files.tables import iso_time
from alphaplus_tui.runtime.importing import ImportedFile, ImportWish, import_candles, total
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.exchange import DEMO
from alphaplus_tui.settings.root import Settings

IMPORTED = "imported"
"""The exchange of files that say none, where the settings follow the demo market: real prices are none of its."""


@dataclass(frozen=True, slots=True)
class Source:
    """What was said on the command line."""

    paths: tuple[Path, ...]
    symbol: str
    timeframe: str
    exchange: str
    file_format: str


def import_files(wishes: Wishes, source: Source, *, as_json: bool) -> None:
    async def work(settings: Settings, database: ShortDatabase) -> tuple[ImportedFile, ...]:
        usual = IMPORTED if settings.exchange.id == DEMO else settings.exchange.id
        wish = ImportWish(
            source.paths,
            source.exchange or usual,
            source.symbol,
            _timeframe(source.timeframe),
            source.file_format or None,
        )
        return await import_candles(database.writer, database.reader, wish, lambda file: say(_line(file)))

    files = with_database(wishes, "import", work, create=True)
    done = [file for file in files if not file.trouble]
    if as_json:
        answer = {"event": "imported", **total(done), "skipped": len(files) - len(done), "each": files}
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        typer.echo(_summary(done, len(files)))
    if not done or any(file.trouble and file.asked_for for file in files):
        raise SystemExit(EXIT_FAILURE)


def _timeframe(name: str) -> Timeframe | None:
    if not name:
        return None
    try:
        return parse_timeframe(name)
    except UnknownName as error:
        raise UsageError(f"--timeframe: {error}") from None


def _line(file: ImportedFile) -> str:
    name = Path(file.file).name
    if file.trouble:
        return clean(f"{name}: skipped: {file.trouble}", limit=500)
    rejected = "".join(f", rejected {count}: {reason}" for reason, count in file.rejected.items())
    return clean(
        f"{name}: {file.instrument} {file.timeframe}, {file.rows:,} rows ({file.new:,} new) from "
        f"{iso_time(file.first)} to {iso_time(file.last)}, {file.holes} holes ({file.missing:,} candles missing)"
        f"{rejected}",
        limit=500,
    )


def _summary(done: Sequence[ImportedFile], files: int) -> str:
    found = total(done)
    skipped = f", {files - len(done)} files skipped" if files > len(done) else ""
    return (
        f"{found['rows']:,} rows of {len(done)} files, {found['new']:,} of them new; {found['missing']:,} candles "
        f"missing in {found['holes']:,} holes; {found['rejected']:,} rows rejected{skipped}"
    )
