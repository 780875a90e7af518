"""``alphaplus backfill``: history out of an exchange into the database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes, timeframe_of
from alphaplus_tui.cli.progress import ProgressLine
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.instants import iso_second
from alphaplus_tui.domain.numerals import counted
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import EXIT_FAILURE, UsageError
from alphaplus_tui.runtime.backfilling import USUAL_PATIENCE_S, Backfilled, BackfillWish, backfill, check_beside_demo
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.root import Settings


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was said on the command line."""

    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    since: int
    until: int | None
    trades: bool
    timeout_s: float | None
    """None: as usual."""


def run_backfill(wishes: Wishes, stretch: Stretch, *, as_json: bool) -> None:
    if not stretch.symbols:
        raise UsageError("say of what: --symbol BTC/USDT, or --symbol kraken:BTC/USD")
    if not stretch.timeframes and not stretch.trades:
        raise UsageError("say what to load: --timeframe 5m (may be repeated), or --trades, or both")
    loaded = wishes.load()
    paths = wishes.paths(loaded)
    check_beside_demo(loaded.settings, stretch.symbols)
    now = time.time_ns()
    wish = BackfillWish(
        stretch.symbols,
        tuple(map(timeframe_of, stretch.timeframes)),
        stretch.since,
        min(now, now if stretch.until is None else stretch.until),
        stretch.trades,
        stretch.timeout_s or USUAL_PATIENCE_S,
    )
    telling = _Telling()

    async def work(settings: Settings, database: ShortDatabase) -> tuple[Backfilled, ...]:
        return await backfill(settings, paths, database, wish, telling)

    try:
        done = with_database(wishes, "backfill", work, create=True)
    finally:
        telling.end()
    if as_json:
        new = sum(one.new for one in done)
        typer.echo(msgspec.json.encode({"event": "backfilled", "new": new, "each": done}).decode())
    else:
        typer.echo(_summary(done))
    if any(one.trouble for one in done):
        raise SystemExit(EXIT_FAILURE)


class _Telling:
    """How it goes, on stderr."""

    def __init__(self) -> None:
        self._line = ProgressLine()
        self._trouble = ""

    def progress(self, what: str, rows: int, until: int) -> None:
        self._line.show(f"{what}: {counted(rows, 'row')}, up to {iso_second(until)}")

    def trouble(self, reason: str) -> None:
        if reason != self._trouble:
            self._trouble = reason
            self._line.clear()
            say(f"waiting: {reason}" if reason else "it answers again")

    def done(self, what: Backfilled) -> None:
        self._line.clear()
        say(_told(what))

    def end(self) -> None:
        self._line.clear()


def _told(one: Backfilled) -> str:
    what = f"{one.instrument} {one.timeframe or 'trades'}"
    thing = "candle" if one.timeframe else "trade number"
    missing = f", {counted(one.missing, thing)} not to be had" if one.missing else ""
    trouble = f": {one.trouble}" if one.trouble else ""
    return clean(f"{what}: {counted(one.fetched, 'row')} fetched, {one.new:,} new{missing}{trouble}", limit=500)


def _summary(done: Sequence[Backfilled]) -> str:
    return f"{counted(sum(one.fetched for one in done), 'row')} fetched, {sum(one.new for one in done):,} of them new"
