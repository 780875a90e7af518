"""Signals become an orderly end, and decide the exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from alphaplus_tui.cli.guard import is_ignored
from alphaplus_tui.errors import EXIT_FAILURE

T = TypeVar("T")

EXIT_BY_SIGNAL = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}

_FORCED_AFTER_S = 7.0
"""An orderly end takes 5 s at most; a terminal that takes no more text can hold up everything."""


class Stop:
    """Set by the first SIGINT, SIGTERM or SIGHUP; a second SIGINT ends the process at once."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.code: int | None = None
        """The exit code of the signal that came first."""

    def listen(self) -> None:
        """From now on, in the running loop."""
        loop = asyncio.get_running_loop()
        for number in EXIT_BY_SIGNAL:
            if not is_ignored(number):
                loop.add_signal_handler(number, self._heard, number)

    def _heard(self, number: signal.Signals) -> None:
        if self.code is not None and number == signal.SIGINT:
            os._exit(EXIT_BY_SIGNAL[signal.SIGINT])
        if self.code is None:
            self.code = EXIT_BY_SIGNAL[number]
            end_within(_FORCED_AFTER_S, self.code)
        self.event.set()


def run_short(work: Callable[[], Awaitable[T]]) -> T:
    """Runs a short command; a signal cancels it, so that what it opened is closed, and decides the exit code."""
    stop = Stop()

    async def main() -> T:
        stop.listen()
        task = asyncio.ensure_future(work())
        stopping = asyncio.ensure_future(stop.event.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise SystemExit(stop.code or EXIT_FAILURE) from None


def end_within(seconds: float, code: int) -> None:
    """Ends the process then, should a stray thread keep the interpreter from ending by itself."""
    last_resort = threading.Timer(seconds, os._exit, (code,))
    last_resort.daemon = True
    last_resort.start()
