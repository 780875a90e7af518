"""Numbers, ages and texts as the console writes them: fixed widths, a real minus, nothing invented."""

import math
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from alphaplus_tui.domain.text import clean

NOTHING = "—"
MINUS = "−"
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def number(value: float | None, decimals: int, *, room: int | None = None) -> str:
    """``64,210.50``; with ``room`` decimals reserved, so that a column stands on its decimal points."""
    if value is None:
        return NOTHING + " " * (room + 1 if room else 0)
    text = f"{value:,.{decimals}f}".replace("-", MINUS)
    if room is None or room <= decimals:
        return text
    return text + " " * (room - decimals + (0 if decimals else 1))


def percent(value: float | None, decimals: int = 2) -> str:
    """``+0.80%``, ``−0.20%``."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.{decimals}f}%"
    if float(text[:-1]) == 0.0:
        return " " + text
    return ("+" if value > 0 else MINUS) + text


def compact(value: float | None) -> str:
    """``1.23M``: three digits and a unit."""
    if value is None:
        return NOTHING
    for size, unit in _UNITS:
        if abs(value) >= size:
            return _three(value / size) + unit
    return _three(value)


def _three(value: float) -> str:
    size = abs(value)
    decimals = 0 if size >= 100 or (value == int(value) and size < 1) else 1 if size >= 10 else 2
    return f"{value:.{decimals}f}".replace("-", MINUS)


def count(value: float) -> str:
    """``9,757``."""
    return f"{value:,.0f}".replace("-", MINUS)


def age(ns: int) -> str:
    """``<1s``, ``7s``, ``4m``, ``2h``, ``3d``."""
    seconds = ns // 1_000_000_000
    if seconds < 1:
        return "<1s"
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3600}h"
    return f"{seconds // 86_400}d"


def duration(seconds: float) -> str:
    """``48s``, ``4m 05s``, ``2h 05m``, ``3d 04h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def milliseconds(value: float | None) -> str:
    """``85 µs``, ``0.42 ms``, ``38 ms``, ``1.2 s``."""
    if value is None or math.isnan(value):
        return NOTHING
    if value < 0.1:
        return f"{value * 1000:.0f} µs"
    if value < 10:
        return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms"
    if value < 1000:
        return f"{value:.0f} ms"
    return f"{value / 1000:.1f} s"


def size(value: float) -> str:
    """``312 B``, ``4.2 MB``: bytes in steps of 1,024."""
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TB"


def moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, tz=UTC)


def time_of_day(ns: int) -> str:
    """``12:03:11`` UTC."""
    seconds = ns // 1_000_000_000 % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells, cut with an ellipsis where it does not fit."""
    if width <= 0:
        return ""
    if text.isascii() and text.isprintable():
        length = len(text)
    else:
        text = clean(text, limit=4 * width + 8)
        length = cell_len(text)
    if length == width:
        return text
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else "…"
    padding = " " * (width - length)
    return padding + text if right else text + padding
