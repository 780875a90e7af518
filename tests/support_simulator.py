"""Starts the real demo exchange as a process of its own, for tests that need a market to talk to."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.support import REPOSITORY


@dataclass(frozen=True)
class RunningSimulator:
    """A demo exchange that listens."""

    rest_url: str
    """To be followed by ``/api/v3/…``."""
    ws_url: str
    """To be followed by ``/ws/…`` or ``/stream?streams=…``."""
    port: int
    pid: int
    journal: Path | None
    process: asyncio.subprocess.Process

    async def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace the fault script; no fault ends them all."""
        url = f"{self.rest_url}/control/faults"
        async with aiohttp.ClientSession() as http, http.post(url, json={"faults": faults}) as response:
            assert response.status == 200, await response.text()

    async def requests(self) -> dict[str, int]:
        """How often each path of its REST was asked for so far."""
        url = f"{self.rest_url}/control/requests"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return dict((await response.json())["requests"])

    async def stop(self) -> int:
        """SIGTERM, then its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 10)


class _Listening(msgspec.Struct):
    event: str
    rest_url: str
    ws_url: str
    port: int
    pid: int


@asynccontextmanager
async def running_simulator(
    *,
    seed: int = 7,
    symbols: int = 12,
    rate: float = 40.0,
    port: int = 0,
    journal: Path | None = None,
    faults: Path | None = None,
    weight_per_minute: int | None = None,
) -> AsyncGenerator[RunningSimulator]:
    """A demo exchange for as long as the block lasts; the journal is complete after it."""
    arguments = ["--seed", seed, "--symbols", symbols, "--rate", rate, "--port", port, "--exit-with-parent"]
    for name, value in (("--journal", journal), ("--faults", faults), ("--weight-per-minute", weight_per_minute)):
        arguments += [name, value] if value is not None else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "alphaplus_tui.simulator", "--market", "demo"),
        *map(str, arguments),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        assert line, f"the simulator ended with {await process.wait()} before it listened"
        said = msgspec.json.decode(line, type=_Listening)
        running = RunningSimulator(said.rest_url, said.ws_url, said.port, said.pid, journal, process)
        yield running
        await running.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
