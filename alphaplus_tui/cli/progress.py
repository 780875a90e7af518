"""A running line on stderr, when people look at it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

from alphaplus_tui.domain.text import clean

_REDRAW_EVERY_S = 0.2
_WIDTH = 100


class ProgressLine:
    """Draws over itself; ``clear`` it before other lines are said."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._drawn = False

    def show(self, text: str) -> None:
        """At most five times a second; nothing where stderr is no terminal."""
        now = time.monotonic()
        if self._visible and now - self._drawn_at >= _REDRAW_EVERY_S:
            self._drawn_at, self._drawn = now, True
            self._write(f"\r\x1b[2K{clean(text, limit=_WIDTH)}")

    def clear(self) -> None:
        if self._drawn:
            self._drawn = False
            self._write("\r\x1b[2K")

    @staticmethod
    def _write(text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
