"""``alphaplus export``: what is stored as a table, to a file or to stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes, check_span, timeframe_of
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.numerals import counted
from alphaplus_tui.errors import UsageError
from alphaplus_tui.runtime.export import export_candles, export_trades
from alphaplus_tui.runtime.export_opinions import export_decisions, export_signals
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.root import Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, written how and where."""

    symbols: tuple[str, ...]
    since: int | None
    until: int | None
    file_format: str
    output: Path | None
    as_json: bool


Kind = Literal["candles", "trades", "signals", "decisions"]


def export(wishes: Wishes, kind: Kind, chosen: Selection, *, timeframes: Sequence[str] = ()) -> None:
    """timeframes: of candles; empty: those of the settings."""
    if chosen.as_json and chosen.output is None:
        raise UsageError("--json tells of a file: name it with --output")
    if chosen.output is None and chosen.file_format == "parquet" and sys.stdout.isatty():
        raise UsageError("parquet is not for the eye: name a file with --output")
    check_span(chosen.since, chosen.until)
    wanted = [timeframe_of(name) for name in timeframes]
    start = chosen.since or 0
    end = time.time_ns() if chosen.until is None else chosen.until
    with _sink(chosen.output) as stream:

        async def work(settings: Settings, database: ShortDatabase) -> int:
            write = partial(
                _WRITERS[kind],
                database.reader,
                stream,
                chosen.file_format,
                symbols=chosen.symbols,
                start=start,
                end=end,
            )
            if kind == "candles":
                return await write(timeframes=wanted or settings.exchange.timeframes)
            return await write()

        rows = with_database(wishes, "export", work)
    if chosen.as_json:
        typer.echo(json.dumps({"event": "exported", "rows": rows, "file": str(chosen.output)}))
    else:
        say(counted(rows, "row") + (f" written to {chosen.output}" if chosen.output else ""))


_WRITERS: dict[Kind, Callable[..., Awaitable[int]]] = {
    "candles": export_candles,
    "trades": export_trades,
    "signals": export_signals,
    "decisions": export_decisions,
}


@contextmanager
def _sink(output: Path | None) -> Generator[BinaryIO]:
    """Where the table goes; a file appears only when it is complete."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent}: there is no such folder")
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
