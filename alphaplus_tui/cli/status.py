"""``alphaplus status``: how the running AlphaPlus is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import typer

from alphaplus_tui.cli.found import NotRunning, find_running
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.domain.text import clean
from alphaplus_tui.remote.client import ask_status
from alphaplus_tui.wire.control import Status

_MOST_LINES = 20


def show_status(wishes: Wishes, *, as_json: bool) -> None:
    data, info = find_running(wishes)
    if info.control_socket is None:
        raise NotRunning(f"{info} uses {data} and answers no questions")
    socket = Path(info.control_socket)
    status = run_short(lambda: ask_status(socket))
    if as_json:
        typer.echo(msgspec.json.encode({**msgspec.to_builtins(status), "api": info.api}).decode())
        return
    for line in describe(status, data, info.api):
        typer.echo(line)


def describe(status: Status, data: Path, api: str | None = None) -> Iterator[str]:
    """The answer as lines for people."""
    system = status.system
    if system is not None:
        ready = f"ready in {system.startup_s:.1f} s" if system.startup_s is not None else "starting"
        stopping = "  stopping" if system.stopping else ""
        yield clean(f"AlphaPlus {system.version}  {system.mode}  {system.exchange}  {ready}{stopping}")
    yield clean(f"pid {status.pid}  data {data}{f'  API {api}' if api else ''}")
    yield ""
    yield from _table(
        ("SERVICE", "STATE", "HEALTH", "FOR", "RESTARTS", "REASON"),
        [
            (
                row.name,
                row.state,
                row.health_told or "-",
                _for(status.monotonic, row.running_since),
                str(row.restarts),
                row.reason or row.last_error,
            )
            for row in status.services
        ],
    )
    yield ""
    yield from _exchanges(status)
    yield from _feeds(status)
    yield _gaps(status)
    yield from _database(status)
    yield from _models(status)
    if status.latencies:
        yield ""
        yield from _table(
            ("LATENCY", "P50 MS", "P99 MS", "COUNT"),
            [(row.name, f"{row.p50:.2f}", f"{row.p99:.2f}", str(row.count)) for row in status.latencies],
        )


def _exchanges(status: Status) -> Iterator[str]:
    for row in status.exchanges:
        words = row.reason or f"{row.instruments} symbols"
        clock = "not known" if row.clock_offset_ms is None else f"{row.clock_offset_ms:+.1f} ms"
        yield clean(f"exchange  {row.exchange}  {row.state}  {words}  (its clock: {clock})")


def _feeds(status: Status) -> Iterator[str]:
    if not status.feeds:
        yield "feeds     none yet"
        return
    states = Counter(str(row.state) for row in status.feeds)
    yield "feeds     " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    troubled = [row for row in status.feeds if row.state not in {"LIVE", "ENDED"}]
    for row in troubled[:_MOST_LINES]:
        yield clean(f"          {row.instrument}  {row.state}  {row.reason}".rstrip())
    for row in status.connections:
        if not row.connected:
            yield clean(f"          connection {row.connection} is down: {row.reason}")


def _gaps(status: Status) -> str:
    missing = sum(row.missing for row in status.gaps)
    return f"gaps      {len(status.gaps)} open, {missing} trades missing" if status.gaps else "gaps      none"


def _database(status: Status) -> Iterator[str]:
    row = status.database
    if row is None:
        yield "database  not looked at yet"
        return
    health = "connected" if row.connected else f"AWAY: {row.reason}"
    ping = f", answers in {row.ping_ms:.1f} ms" if row.ping_ms is not None else ""
    name = f"{row.kind} {row.version}, " if row.version else ""
    size = f", {row.size_bytes / 1e6:.1f} MB" if row.version else ""
    yield clean(f"database  {name}{health}{ping}{size}")
    if row.spool_bytes or row.buffered_rows:
        yield f"          waiting: {row.buffered_rows} rows in memory, {row.spool_bytes / 1e6:.1f} MB on disk"


def _models(status: Status) -> Iterator[str]:
    serving = status.inference
    if serving is not None:
        health = f"pid {serving.pid}, {serving.restarts} restarts" if serving.running else f"DOWN: {serving.reason}"
        yield clean(f"models    champion {serving.champion or 'none'}, {health}", limit=300)
    for row in status.models:
        if row.stage == "champion" or row.trouble:
            told = f"REFUSED: {row.trouble}" if row.trouble else f"{row.stage}, {row.verdict}"
            yield clean(f"          {row.id}  {told}", limit=300)
    training = status.training
    if training is not None:
        step = f"{training.step} ({training.share:.0%})" if training.state == "running" else training.reason
        yield clean(f"training  {training.id}  {training.state}  {step}", limit=300)


def _for(now: float, since: float | None) -> str:
    if since is None:
        return "-"
    seconds = max(0, int(now - since))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds % 60}s" if minutes else f"{seconds}s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [tuple(clean(cell, limit=100) for cell in row) for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
