"""Lets somebody else stop the console and have it go on, without a second reader of its keys."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


def endure_being_stopped(repaint: Callable[[], object]) -> None:
    """Call it once the terminal driver has set its handlers.

    Textual takes every SIGCONT for the end of a SIGTSTP, which it prepared for: after a SIGSTOP, for which nobody can
    prepare, it would start a second thread that reads keys, and leaving would wait for the first one for ever.
    Then only ``repaint`` is called here, as a shell may have written over the screen.
    """
    suspend, resume = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not callable(suspend) or not callable(resume):
        return
    loop, prepared = asyncio.get_running_loop(), False

    def on_suspend(number: int, frame: FrameType | None) -> None:
        nonlocal prepared
        prepared = True
        suspend(number, frame)

    def on_continue(number: int, frame: FrameType | None) -> None:
        nonlocal prepared
        if prepared:
            prepared = False
            resume(number, frame)
        else:
            loop.call_soon_threadsafe(repaint)

    signal.signal(signal.SIGTSTP, on_suspend)
    signal.signal(signal.SIGCONT, on_continue)
