"""The console in a real terminal: it paints, it ends, and the terminal is as it was."""

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import environment
from tests.e2e.terminal import FEW, Terminal, terminal
from tests.support import eventually

UNDONE = ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1003h", b"\x1b[?1003l"))


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


async def test_a_locale_that_has_no_lines_to_draw_is_refused_with_the_way_out(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo", extra={"PYTHONIOENCODING": "latin-1"}) as seen:
        assert await seen.ends() == 2
        await eventually(lambda: seen.shows("LC_ALL=C.UTF-8"))
        assert b"\x1b" not in seen.raw


async def test_wrong_settings_are_told_before_anything_is_drawn(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo", "--log-level", "loud") as seen:
        assert await seen.ends() == 78
        await eventually(lambda: seen.shows("logging.level = 'loud'"))
        assert b"\x1b" not in seen.raw


async def test_a_console_that_was_stopped_and_continued_hears_every_key(tmp_path: Path) -> None:
    async with terminal(tmp_path, "--demo") as seen:
        await eventually(lambda: seen.shows("feed 2/2"), within_s=60)
        for _ in range(3):
            seen.process.send_signal(signal.SIGSTOP)
            await eventually(lambda: psutil.Process(seen.process.pid).status() == psutil.STATUS_STOPPED)
            seen.process.send_signal(signal.SIGCONT)
            for key, panel in ((b"4", "Connections and gaps"), (b"5", "following"), (b"1", "Watchlist")):
                seen.type(key)
                await eventually(lambda panel=panel: seen.shows(panel), within_s=20)
        seen.type(b"q")
        assert await seen.ends() == 0
