"""Puts the console on a running engine, and gives the terminal back as it was, whatever happens."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from alphaplus_tui.cli.tty import drawn_elsewhere
from alphaplus_tui.tui.app import ConsoleApp
from alphaplus_tui.tui.terminal import TerminalDriver

if TYPE_CHECKING:
    from alphaplus_tui.cli.engine import Running
    from alphaplus_tui.cli.signals import Stop

_CLOSES_WITHIN_S = 2.0

_AS_IT_WAS = (
    b"\x1b[<u\x1b[?7h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"
    b"\x1b[?2004l\x1b[?1004l\x1b[?1049l\x1b[?25h\x1b[0m"
)
"""Mouse, paste and focus reports off, the ordinary screen, cursor and colours."""


async def run(running: Running, stop: Stop) -> int:
    """The console until it is closed or ``stop``; the engine starts once the first picture is painted."""
    app = ConsoleApp(
        running.session,
        running.settings.ui,
        running.settings.keys,
        folder=running.paths.data,
        on_drawn=running.engine.drawn,
    )
    return await show(app, stop, start=running.start, leave=running.stop)


async def _nothing() -> None:
    pass


async def show(
    app: ConsoleApp,
    stop: Stop,
    *,
    start: Callable[[], Awaitable[None]] = _nothing,
    leave: Callable[[], Awaitable[None]] = _nothing,
) -> int:
    """The console until it is closed or ``stop``.

    start: done once the first picture is painted; leave: done while the console closes.
    """
    if not drawn_elsewhere():
        app.driver_class = TerminalDriver
    with _terminal() as closing:
        shown = asyncio.create_task(app.run_async(), name="console")
        stopping = asyncio.create_task(stop.event.wait(), name="stop")
        starting = asyncio.create_task(_start(app, start), name="start")
        ends: set[asyncio.Task[Any]] = {shown, stopping}
        try:
            await asyncio.wait({*ends, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not (shown.done() or stopping.done()) and starting.exception() is None:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, starting):
                task.cancel()
            leaving = asyncio.ensure_future(leave())
            app.exit(return_code=stop.code or 0)
            closed, _ = await asyncio.wait({shown}, timeout=_CLOSES_WITHIN_S)
            shown.cancel()
            closing.orderly = bool(closed)
            await asyncio.wait({leaving, shown, starting, stopping})
    if starting.done() and not starting.cancelled():
        starting.result()
    if closing.orderly:
        shown.result()
    leaving.result()
    return app.return_code or 0


async def _start(app: ConsoleApp, start: Callable[[], Awaitable[None]]) -> None:
    await app.painted.wait()
    await start()


class _Closing:
    orderly = False


@contextmanager
def _terminal() -> Generator[_Closing]:
    """Remembers how the terminal is; puts it back when the console could not do it itself."""
    closing = _Closing()
    if drawn_elsewhere():
        yield closing
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        yield closing
    finally:
        # the terminal may be gone
        with suppress(OSError, ValueError, termios.error):
            if not closing.orderly:
                os.write(sys.stdin.fileno(), _AS_IT_WAS)
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
