"""The console in a real terminal: it paints, it ends, and the terminal is as it was."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.e2e.harness import command, environment
from tests.support import eventually

FEW = {"ALPHAPLUS_DEMO__SYMBOLS": "2", "ALPHAPLUS_EXCHANGE__HISTORY_CANDLES": "50"}
UNDONE = ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1003h", b"\x1b[?1003l"))


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

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    async def ends(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def terminal(home: Path, *arguments: str, kind: str = "xterm-256color") -> AsyncGenerator[Terminal, None]:
    descriptor, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(home, {**FEW, "TERM": kind}),
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


def given_back(seen: Terminal) -> bool:
    return all(seen.raw.rfind(undone) > seen.raw.rfind(done) for done, undone in UNDONE)


async def test_the_console_shows_prices_and_q_gives_the_terminal_back(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo") as seen:
        before = seen.modes()
        await eventually(lambda: seen.shows("Watchlist") and seen.shows("feed 2/2"), within_s=60)
        assert seen.shows("DEMO")

        def leave() -> bool:
            seen.type(b"q")
            return seen.process.returncode is not None

        await eventually(leave, within_s=20)
        assert await seen.ends() == 0
        await eventually(lambda: given_back(seen))
        assert seen.modes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
async def test_a_signal_gives_the_terminal_back(tmp_path: Path, number: signal.Signals, code: int) -> None:
    async with terminal(tmp_path, "--demo") as seen:
        before = seen.modes()
        await eventually(lambda: seen.shows("Watchlist"), within_s=60)
        seen.process.send_signal(number)
        assert await seen.ends() == code
        await eventually(lambda: given_back(seen))
        assert seen.modes() == before


async def test_a_terminal_that_is_gone_ends_the_console(tmp_path: Path) -> None:
    code = """
import os, pty, signal, subprocess, sys
pid, descriptor = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, "-m", "alphaplus_tui", "--demo"])
seen = b""
while b"Watchlist" not in seen:
    seen += os.read(descriptor, 65536)
os.close(descriptor)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        env=environment(tmp_path, {**FEW, "TERM": "xterm"}),
        cwd=tmp_path,
    )
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert out == b"129\n"
    assert not (tmp_path / ".local" / "share" / "alphaplus" / "demo" / "engine.json").exists()


async def test_a_terminal_that_cannot_place_text_is_refused(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo", kind="dumb") as seen:
        assert await seen.ends() == 2
        await eventually(lambda: seen.shows("--headless"))
        assert b"\x1b" not in seen.raw


async def test_wrong_settings_are_told_before_anything_is_drawn(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo", "--log-level", "loud") as seen:
        assert await seen.ends() == 78
        await eventually(lambda: seen.shows("logging.level = 'loud'"))
        assert b"\x1b" not in seen.raw
