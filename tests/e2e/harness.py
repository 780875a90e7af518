"""Runs the real program as a user does, with folders of its own."""

import asyncio
import csv
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from alphaplus_tui.remote.client import ask_status
from alphaplus_tui.wire.control import Status
from tests.support import REPOSITORY

Report = dict[str, Any]


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which nothing of the user's own configuration, data or cache is seen."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ALPHAPLUS_", "XDG_"))}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):  # a test runner's, not those of the terminal that a test opens
        kept.pop(name, None)
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "ALPHAPLUS_API__PORT": "0",
        **(extra or {}),
    }


def pointed_at(rest_url: str, ws_url: str) -> dict[str, str]:
    """The settings that make a program follow a demo exchange that runs already."""
    return {
        "ALPHAPLUS_EXCHANGE__ID": "demo",
        "ALPHAPLUS_EXCHANGE__REST_URL": rest_url,
        "ALPHAPLUS_EXCHANGE__WS_URL": ws_url,
        "ALPHAPLUS_EXCHANGE__HISTORY_CANDLES": "50",
    }


def data_folder(home: Path) -> Path:
    """Where the demo market is kept."""
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "alphaplus" / "demo"
    return home / ".local" / "share" / "alphaplus" / "demo"


def command(*arguments: str, module: str = "alphaplus_tui") -> list[str]:
    return [sys.executable, "-m", module, *arguments]


@dataclass
class Finished:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def last(self) -> Report:
        """The last line of stdout, which is JSON."""
        lines = self.stdout.strip().splitlines()
        assert lines, f"nothing on stdout; stderr: {self.stderr}"
        return json.loads(lines[-1])


async def run(home: Path, *arguments: str, extra: Mapping[str, str] | None = None, within_s: float = 60) -> Finished:
    """Run a command to its end."""
    async with started(home, *arguments, extra=extra) as process:
        return await process.ends(within_s=within_s)


class Program:
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process, data: Path) -> None:
        self.process, self.data = process, data
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    async def line(self, event: str, *, within_s: float = 30) -> Report:
        """The next line of stdout that is a JSON object with this ``event``."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            while raw := await self.process.stdout.readline():
                self.lines.append(raw.decode())
                with suppress(ValueError):
                    found: Report = json.loads(raw)
                    if found.get("event") == event:
                        return found
        assert self.process.stderr is not None
        raise AssertionError(f"ended without {event!r}: {(await self.process.stderr.read()).decode()}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ends(self, *, within_s: float = 30) -> Finished:
        async with asyncio.timeout(within_s):
            stdout, stderr = await self.process.communicate()
        assert self.process.returncode is not None
        return Finished(self.process.returncode, "".join(self.lines) + stdout.decode(), stderr.decode())

    async def until(self, condition: Callable[[Status], object], *, within_s: float = 60) -> Status:
        """Asks the running program, as ``alphaplus status`` does, until its answer meets the condition."""
        socket = Path(json.loads((self.data / "engine.json").read_text())["control_socket"])
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not condition(status := await ask_status(socket)):
            assert loop.time() < deadline, f"not so within {within_s} s: {status}"
            await asyncio.sleep(0.1)
        return status

    def family(self) -> list[psutil.Process]:
        """This process and everything below it."""
        me = psutil.Process(self.pid)
        return [me, *me.children(recursive=True)]


@asynccontextmanager
async def started(
    home: Path, *arguments: str, extra: Mapping[str, str] | None = None, module: str = "alphaplus_tui"
) -> AsyncGenerator[Program, None]:
    """A command that is killed at the end if it still runs; module: what runs it."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments, module=module),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(home, extra),
        cwd=home,
    )
    try:
        yield Program(process, data_folder(home))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def exported(
    home: Path, kind: str, *arguments: str, extra: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """The rows of ``alphaplus export <kind>``."""
    file = home / f"{kind}.csv"
    done = await run(home, "export", kind, "--format", "csv", "--output", str(file), *arguments, extra=extra)
    assert done.code == 0, done.stderr
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))
