"""What the console remembers from one start to the next: screen, symbol, timeframe, theme, pins, order."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

_LARGEST_BYTES = 1_000_000


class Layout(msgspec.Struct):
    """How the console was left; changed in place, written by ``save``."""

    screen: str = "markets"
    symbol: str = ""
    timeframe: str = ""
    theme: str = ""
    """Chosen in the console; empty: the setting's."""
    theme_setting: str = ""
    """The setting when ``theme`` was chosen: a new setting wins over an old choice."""
    pinned: list[str] = []
    sort: str = ""
    sort_reverse: bool = False
    chart_style: str = "candles"
    zoom: int | None = None
    welcomed: bool = False
    """The first-run hint was read."""


def load_layout(folder: Path) -> Layout:
    """The layout in ``folder``; a fresh one when there is none or it is damaged."""
    path = folder / "console.json"
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return Layout()
        return msgspec.json.decode(path.read_bytes(), type=Layout)
    except (OSError, ValueError):
        return Layout()


def save_layout(folder: Path, layout: Layout) -> None:
    """Write it whole or not at all; a folder that cannot be written to costs only the memory of the layout."""
    path = folder / "console.json"
    fresh = path.with_name(f".console.{os.getpid()}.json")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(layout), indent=1) + b"\n")
        fresh.replace(path)
