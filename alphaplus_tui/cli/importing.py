"""``alphaplus import``: history out of files into the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes, timeframe_of
from alphaplus_tui.cli.progress import ProgressLine
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.domain.numerals import counted
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import EXIT_FAILURE, UnknownName, UsageError
from alphaplus_tui.exchanges.registry import exchange_names
from alphaplus_tui.files.guess import Wish
from alphaplus_tui.files.layouts import FORMATS
from alphaplus_tui.runtime.importing import ImportedFile, ImportWish, import_history, total
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
    if source.file_format and source.file_format not in FORMATS:
        raise UsageError(f"--format: {UnknownName('format', source.file_format, FORMATS)}")
    files_wish = Wish(source.file_format, source.symbol, timeframe_of(source.timeframe) if source.timeframe else None)

    if wishes.demo and source.exchange != DEMO:
        raise UsageError(
            "--demo: the demo market makes its own history, and real prices never stand beside it; import without "
            f"--demo, or what was recorded or exported of it with --exchange {DEMO}"
        )

    async def work(settings: Settings, database: ShortDatabase) -> tuple[ImportedFile, ...]:
        usual = IMPORTED if settings.exchange.id == DEMO else settings.exchange.id
        known = tuple(name for name in exchange_names() if name != DEMO)
        wish = ImportWish(source.paths, source.exchange, files_wish, usual=usual, known=known)
        return await import_history(database.writer, database.reader, wish, _Telling())

    files = with_database(wishes, "import", work, create=True)
    done = [file for file in files if not file.trouble]
    if as_json:
        answer = {"event": "imported", **total(done), "skipped": len(files) - len(done), "each": files}
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        typer.echo(_summary(done, len(files) - len(done)))
    if not done or any(file.trouble and file.asked_for for file in files):
        raise SystemExit(EXIT_FAILURE)


class _Telling:
    """How the import goes, on stderr."""

    def __init__(self) -> None:
        self._line = ProgressLine()

    def guessed(self, file: str, guess: str) -> None:
        self._line.clear()
        say(clean(f"{file}: {guess}", limit=500))

    def progress(self, file: str, rows: int, share: float) -> None:
        read = f", {share:.0%}" if share else ""
        self._line.show(f"{file}: {counted(rows, 'row')}{read}")

    def done(self, file: ImportedFile) -> None:
        self._line.clear()
        say(_line(file))
        for example in file.examples:
            say(f"    {example}")


def _line(file: ImportedFile) -> str:
    name = Path(file.file).name
    if file.trouble:
        return clean(f"{name}: skipped: {file.trouble}", limit=500)
    rejected = "".join(f", {counted(count, 'row')} rejected: {why}" for why, count in file.rejected.items())
    missing = counted(file.missing, "candle" if file.kind == "candles" else "trade number")
    what = f"{file.instrument} {file.timeframe or file.kind}"
    return clean(
        f"{name}: {what}, {counted(file.rows, 'row')} ({file.new:,} new) from {iso_time(file.first)} to "
        f"{iso_time(file.last)}, {counted(file.holes, 'hole')} ({missing} missing){rejected}",
        limit=500,
    )


def _summary(done: Sequence[ImportedFile], skipped: int) -> str:
    found = total(done)
    left_out = f", {counted(skipped, 'file')} skipped" if skipped else ""
    return (
        f"{counted(found['rows'], 'row')} of {counted(found['files'], 'file')}, {found['new']:,} of them new; "
        f"{counted(found['missing'], 'candle or trade number', 'candles or trade numbers')} missing in "
        f"{counted(found['holes'], 'hole')}; {counted(found['rejected'], 'row')} rejected{left_out}"
    )
