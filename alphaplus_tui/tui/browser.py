"""Textual's driver of a tab in a browser, which leaves when nobody serves the tab any more."""

import os
from contextlib import suppress
from typing import Any

from textual import messages
from textual.drivers.web_driver import WebDriver


class BrowserDriver(WebDriver):
    """Drops what a server that is gone cannot take, and ends the console when its input ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._write = self._write_patiently

    def _write_patiently(self, data: bytes) -> int:
        with suppress(OSError):
            return os.write(self.fileno, data)
        return len(data)

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())
