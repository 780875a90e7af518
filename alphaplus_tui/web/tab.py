"""One tab of a browser: a console in a process of its own, and what is typed and drawn between the two."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

ENDS_WITHIN_S = 2.0
_DRIVER = "alphaplus_tui.tui.browser:BrowserDriver"
_LARGEST = (1_000, 400)
"""Columns and rows."""


class Tab(AppService):
    """Runs ``command`` while the tab is open."""

    def __init__(self, command: Sequence[str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            command[0],
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._command, self._socket = command, socket

    async def _close(self) -> None:
        await self._socket.close()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width=width, height=height)
        environment |= {"TEXTUAL_DRIVER": _DRIVER, "TEXTUAL_FPS": "30", "TERM": "xterm-256color"}
        environment.pop("TMUX", None)
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
        )
        self._stdin = process.stdin
        return process

    async def serve(self, width: int, height: int) -> None:
        """Until the browser or the console closes it."""
        await self.start(*_bounded(width, height))
        try:
            async for message in self._socket:
                if message.type == WSMsgType.TEXT:
                    await self._take(message.json())
        finally:
            await self._end()

    async def _take(self, message: Any) -> None:
        match message:
            case ["stdin", str(text)]:
                await self.send_bytes(text.encode())
            case ["resize", {"width": int(width), "height": int(height)}]:
                await self.set_terminal_size(*_bounded(width, height))
            case ["ping", said]:
                await self._socket.send_json(["pong", said])
            case ["focus"]:
                await self.focus()
            case ["blur"]:
                await self.blur()
            case _:
                return

    async def _end(self) -> None:
        process = cast("Process", self._process)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await self.stop()
                    await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(max(1, width), _LARGEST[0]), min(max(1, height), _LARGEST[1])
