"""``alphaplus record`` and ``alphaplus simulate``: what an exchange sends, kept; and an exchange of our own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import Stop
from alphaplus_tui.errors import EXIT_OK, UsageError
from alphaplus_tui.logs.setup import Logs

_SIMULATOR = "alphaplus_tui.simulator"


def run_record(wishes: Wishes, file: Path, *, duration_s: float | None, as_json: bool) -> None:
    """Records until Ctrl-C, SIGTERM or ``duration_s``; the signal decides the exit code, after the summary."""
    from alphaplus_tui.runtime.record import RecordSummary, record  # noqa: PLC0415  usage errors come first and fast

    if file.exists():
        raise UsageError(f"{file} is there already; name a new file")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: there is no such folder")
    loaded = wishes.load()
    paths = wishes.paths(loaded)
    paths.prepare()
    told, stop = _Progress(), Stop()

    async def main() -> RecordSummary:
        stop.listen()
        return await record(loaded.settings, paths, file, duration_s=duration_s, stop=stop.event, on_progress=told)

    with Logs(level=loaded.settings.logging.level, to_stderr=True):
        summary = asyncio.run(main())
    told.end()
    if as_json:
        typer.echo(msgspec.json.encode(summary).decode())
    else:
        typer.echo(f"{summary.frames} frames in {summary.seconds:.1f} s: {summary.file}")
    raise SystemExit(stop.code or EXIT_OK)


class _Progress:
    """A running count on stderr, when people look at it."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()

    def __call__(self, frames: int) -> None:
        if self._visible:
            sys.stderr.write(f"\r{frames} frames")
            sys.stderr.flush()

    def end(self) -> None:
        if self._visible:
            sys.stderr.write("\n")


def become_simulator(arguments: Sequence[str]) -> None:
    """This process becomes the demo exchange, which imports nothing of ours."""
    sys.stdout.flush()
    try:
        os.execv(sys.executable, [sys.executable, "-m", _SIMULATOR, *arguments])  # noqa: S606  our own module
    except OSError as error:
        say(f"the demo exchange cannot be started: {error}")
        raise SystemExit(1) from None
