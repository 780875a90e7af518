"""The edge where errors become a sentence on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import EXIT_FAILURE, AlphaPlusError

EXIT_INTERRUPTED = 130
_EXIT_BEFORE_THE_LOOP = {signal.SIGHUP: 129, signal.SIGTERM: 143}


def heed_signals() -> None:
    """Until an event loop does it, SIGTERM and SIGHUP unwind the program, so that what was opened is closed."""
    for number in _EXIT_BEFORE_THE_LOOP:
        if not is_ignored(number):
            signal.signal(number, _leave)


def is_ignored(number: signal.Signals) -> bool:
    """Whether whoever started us wants this signal ignored, as ``nohup`` does with SIGHUP."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_EXIT_BEFORE_THE_LOOP[signal.Signals(number)])


@contextmanager
def guarded() -> Generator[None]:
    """Errors raised on purpose, Ctrl-C and a reader that went away end the program as users expect."""
    try:
        yield
    except AlphaPlusError as error:
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        nobody_listens()
        raise SystemExit(EXIT_FAILURE) from None
    except OSError as error:
        say(f"AlphaPlus failed: {error}")
        raise SystemExit(EXIT_FAILURE) from None


def fail(error: AlphaPlusError) -> NoReturn:
    """``title: message`` on stderr, a line for each thing that is wrong, and the error's exit code."""
    lines = str(error).splitlines() or [""]
    if len(lines) == 1:
        say(f"{error.title}: {lines[0]}")
    else:
        say(f"{error.title}:")
        for line in lines:
            say(f"  {line}")
    raise SystemExit(error.exit_code) from None


def say(text: str) -> None:
    """A line on stderr, harmless for the terminal."""
    indent = text[: len(text) - len(text.lstrip())]
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{indent}{clean(text.strip(), limit=4000)}\n")
        sys.stderr.flush()


def nobody_listens() -> None:
    """Keeps Python from complaining at its end about a stdout that was closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
