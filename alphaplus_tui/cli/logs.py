"""``alphaplus logs``: what was logged, and what is logged from now on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from alphaplus_tui.cli.found import find_folders
from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError, suggestion
from alphaplus_tui.logs.reader import Filter, read_page
from alphaplus_tui.logs.record import LogRecord

_LOOK_AGAIN_S = 0.25
_SEARCH_S = 60.0
_HEARD_OF = 2_000
"""Newest lines whose services are named where a service was asked for that said nothing."""
_BEFORE_ALL = "0-0"
"""A cursor in no file: every line comes after it."""


class NoLog(AlphaPlusError):
    title = "No log"


def show_logs(wishes: Wishes, wanted: Filter, *, follow: bool, limit: int, as_json: bool) -> None:
    """follow: until a signal ends the program; also when there is no log yet."""
    file = find_folders(wishes).log_file
    if not file.exists():
        if not follow:
            raise NoLog(f"{file} is not there; AlphaPlus writes it when it runs")
        say(f"{file} is not there yet; waiting for it")
    found, cursor = newest(file, wanted, limit)
    for record in found:
        _tell(record, as_json=as_json)
    if not found and not follow and not as_json:
        say(_nothing(file, wanted))
    while follow:
        time.sleep(_LOOK_AGAIN_S)
        for record, place in later(file, cursor):
            cursor = place
            if wanted.wants(record):
                _tell(record, as_json=as_json)


def newest(file: Path, wanted: Filter, limit: int) -> tuple[list[LogRecord], str]:
    """The last ``limit`` records that are wanted, oldest first, and the cursor after which nothing was looked at."""
    last = read_page(file, limit=1).lines
    if not last:
        return [], _BEFORE_ALL
    end = last[0]
    page = read_page(file, wanted, before=end.cursor, limit=limit, give_up_after_s=_SEARCH_S)
    if page.more and len(page.lines) < limit:
        say(f"the log is long: stopped looking for older lines after {_SEARCH_S:g} s")
    found = [line.record for line in page.lines]
    if wanted.wants(end.record):
        found.append(end.record)
    return found[-limit:], end.cursor


def _nothing(file: Path, wanted: Filter) -> str:
    """Why no line is shown, with what there is to choose from."""
    heard = read_page(file, limit=_HEARD_OF).lines
    services = sorted({line.record.service for line in heard})
    if not services:
        return f"{file} holds no line yet"
    if wanted.service and wanted.service not in services:
        return f"no line of service {wanted.service!r}; {suggestion(wanted.service, services)}"
    return "no line of the log is so chosen; --level and --service choose among them"


def later(file: Path, cursor: str) -> Iterator[tuple[LogRecord, str]]:
    """Every record after ``cursor``, with its own."""
    more = True
    while more:
        page = read_page(file, after=cursor)
        for line in page.lines:
            cursor = line.cursor
            yield line.record, cursor
        more = page.more


def describe(record: LogRecord) -> Iterator[str]:
    """The record as lines for people: what happened, then its traceback."""
    fields = "".join(f"  {name}={text}" for name, text in record.texts)
    moment = iso_time(record.ts - record.ts % 1_000_000)
    yield clean(f"{moment}  {record.level.upper():<8}  {record.service:<14}  {record.event}{fields}")
    for line in record.exception.splitlines():
        yield f"    {clean(line)}"


def _tell(record: LogRecord, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(record)))  # pure ASCII, which no terminal obeys
        return
    for line in describe(record):
        typer.echo(line)
