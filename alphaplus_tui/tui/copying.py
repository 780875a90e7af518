"""Copies text to the clipboard through the terminal (OSC 52, tmux included), or into a file where it cannot."""

import base64
import os
from pathlib import Path

from textual.app import App

from alphaplus_tui.domain.text import clean

_LARGEST = 74_000
"""What terminals take in one OSC 52 sequence, in bytes before encoding."""
_DEAF = {"", "dumb", "linux", "vt100", "vt220"}


def copy(app: App[None], text: str, folder: Path) -> None:
    """Copy ``text``; a toast says where it went."""
    text = "\n".join(clean(line, limit=100_000) for line in text.splitlines())
    if not text:
        app.notify("Nothing to copy here", timeout=2, markup=False)
        return
    rows = len(text.splitlines())
    what = "the row" if rows == 1 else f"{rows} rows"
    data = text.encode()
    if len(data) > _LARGEST or os.environ.get("TERM", "") in _DEAF:
        path = folder / "copied.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(data + b"\n")
        except OSError as error:
            app.notify(f"{path}: {error.strerror}", title="Not copied", severity="error", markup=False)
            return
        app.notify(f"Wrote {what} to {path}, as this terminal takes no clipboard", timeout=4, markup=False)
        return
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX"):
        write_through_tmux(app, data)
    app.notify(f"Copied {what}", timeout=2, markup=False)


def tmux_sequence(data: bytes) -> str:
    """OSC 52 wrapped so that tmux hands it on to the terminal outside."""
    return f"\x1bPtmux;\x1b\x1b]52;c;{base64.b64encode(data).decode()}\x07\x1b\\"


def write_through_tmux(app: App[None], data: bytes) -> None:
    driver = app._driver  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Textual has no public way to write raw
    if driver is not None:
        driver.write(tmux_sequence(data))
