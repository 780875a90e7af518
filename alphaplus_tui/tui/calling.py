"""Calls the user to the console: the terminal's bell, and a notification of the desktop."""

import asyncio
import os
import shutil
from contextlib import suppress

from textual.app import App

from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.tui.desk import UiView

_SENT_WITHIN_S = 5.0
_LONGEST = 200
_URGENCY = {"error": "critical", "warning": "normal"}


def call(app: App[None], row: NoticeRow, ui: UiView) -> None:
    """As the settings want it; at once, and without waiting for anything."""
    if ui.bell:
        app.bell()
    match ui.desktop:
        case "osc9" | "osc777" as way:
            _write(app, sequence(way, row))
        case "notify-send":
            app.run_worker(_notify_send(row), exit_on_error=False)
        case _:
            pass


def sequence(way: str, row: NoticeRow, *, tmux: bool | None = None) -> str:
    """The escape sequence that asks the terminal for a notification; those that know none drop it."""
    title, text = (clean(part, limit=_LONGEST).replace(";", ",") for part in (row.title, row.text))
    body = f"777;notify;{title};{text}" if way == "osc777" else f"9;{title}: {text}"
    inside = f"\x1b]{body}\x07"
    through_tmux = bool(os.environ.get("TMUX")) if tmux is None else tmux
    return f"\x1bPtmux;\x1b{inside}\x1b\\" if through_tmux else inside


async def _notify_send(row: NoticeRow) -> None:
    program = shutil.which("notify-send")
    if program is None:
        return
    urgency = _URGENCY.get(row.severity, "low")
    words = ("--app-name=AlphaPlus", f"--urgency={urgency}", "--", clean(row.title), clean(row.text))
    with suppress(OSError, TimeoutError):
        process = await asyncio.create_subprocess_exec(
            program, *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_SENT_WITHIN_S):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _write(app: App[None], text: str) -> None:
    driver = app._driver  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Textual has no public way to write raw
    if driver is not None and not app.is_headless:
        driver.write(text)
