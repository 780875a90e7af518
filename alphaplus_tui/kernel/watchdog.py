"""Measures how late the event loop is, and writes down what every thread does when it stands still."""

import asyncio
import sys
import threading
import time
import traceback

import structlog

from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life

LOOP_LAG = "event_loop_lag"
LOOP_STALLS = "event_loop_stalls"
_FRAMES_PER_THREAD = 30
_LONGEST = 20_000

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Watchdog:
    """A service that beats, and a thread that looks whether it still does.

    It watches the real loop, so it keeps real time whatever clock the other services have.
    """

    name = "watchdog"
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __init__(self, meters: Meters, *, stall_after_s: float = 1.0, beat_every_s: float = 0.1) -> None:
        self._stall_after_s, self._beat_every_s = stall_after_s, beat_every_s
        self._lag = meters.histogram(LOOP_LAG)
        self._stalls = meters.counter(LOOP_STALLS)
        self._beaten_at = 0.0

    async def run(self, life: Life) -> None:
        over = threading.Event()
        self._beaten_at = time.monotonic()
        thread = threading.Thread(target=self._watch, args=(over,), name="watchdog", daemon=True)
        thread.start()
        try:
            life.ready()
            while True:
                await self._beat()
        finally:
            over.set()
            thread.join(timeout=1.0)

    async def _beat(self) -> None:
        await asyncio.sleep(self._beat_every_s)
        now = time.monotonic()
        late_s = now - self._beaten_at - self._beat_every_s
        self._lag.observe(late_s)
        self._beaten_at = now
        if late_s > self._stall_after_s:
            log.warning("event_loop_moves_again", stood_still_s=round(late_s, 3))

    def _watch(self, over: threading.Event) -> None:
        """In the thread: one report for each stall."""
        reported_at = -1.0
        while not over.wait(self._stall_after_s / 4):
            beaten_at = self._beaten_at
            silent_s = time.monotonic() - beaten_at - self._beat_every_s
            if silent_s > self._stall_after_s and beaten_at != reported_at:
                reported_at = beaten_at
                self._stalls.add()
                log.error("event_loop_stalled", silent_s=round(silent_s, 3), stacks=stacks())


def stacks() -> str:
    """Where each thread is now, most recent call last; bounded, and without control characters."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts: list[str] = []
    frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the only way to see other threads
    for ident, frame in frames.items():
        parts.append(f"thread {names.get(ident, '?')}\n")
        parts.extend(traceback.format_stack(frame, limit=_FRAMES_PER_THREAD))
    text = "".join(char if char == "\n" or char.isprintable() else "�" for char in "".join(parts))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
