"""Whether there is a terminal that a console can be drawn on."""

from __future__ import annotations

import codecs
import os
import sys

from alphaplus_tui.errors import UsageError


def drawn_elsewhere() -> bool:
    """Whether another driver than the terminal's was asked for, as `alphaplus web` does for its tabs."""
    return bool(os.environ.get("TEXTUAL_DRIVER"))


def check_terminal() -> None:
    """``UsageError`` where there is none."""
    if drawn_elsewhere():
        return
    # the console reads from stdin and draws on stderr
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError("the console needs a terminal; without one use `alphaplus --headless`")
    if os.environ.get("TERM", "") in {"", "dumb"}:
        raise UsageError(
            "the console needs a terminal that can place text (TERM is "
            f"{os.environ.get('TERM', '') or 'not set'!r}); use `alphaplus --headless`"
        )
    if codecs.lookup(sys.stderr.encoding).name != "utf-8":
        raise UsageError(
            f"the console draws in UTF-8, and the locale says {sys.stderr.encoding}: start it with "
            "`LC_ALL=C.UTF-8 alphaplus` in a terminal that shows UTF-8, as nearly all do"
        )
