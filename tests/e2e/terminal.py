"""A terminal with the program in it, and what a person would see there."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte

from tests.e2e.harness import command, environment

FEW = {"ALPHAPLUS_DEMO__SYMBOLS": "2", "ALPHAPLUS_EXCHANGE__HISTORY_CANDLES": "50"}


class Terminal:
    """A terminal of 120×36, the program in it, and what a person would see."""

    def __init__(self, descriptor: int, slave: int, process: asyncio.subprocess.Process) -> None:
        self.descriptor, self.process = descriptor, process
        self.raw = b""
        self._slave = slave
        self._screen = pyte.Screen(120, 36)
        self._stream = pyte.ByteStream(self._screen)

    def take(self) -> None:
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self.descriptor)
            return
        self.raw += data
        self._stream.feed(data)

    def shows(self, text: str) -> bool:
        return any(text in line for line in self._screen.display)

    @property
    def text(self) -> str:
        """All that can be read now."""
        return "\n".join(self._screen.display)

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    async def ends(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def terminal(
    home: Path, *arguments: str, kind: str = "xterm-256color", extra: Mapping[str, str] | None = None
) -> AsyncGenerator[Terminal, None]:
    descriptor, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(home, {**FEW, "TERM": kind, **(extra or {})}),
        cwd=home,
    )
    seen = Terminal(descriptor, slave, process)
    asyncio.get_running_loop().add_reader(descriptor, seen.take)
    try:
        yield seen
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        os.close(slave)
