"""The demo exchange as a service: a process of its own that speaks a real exchange's protocol on loopback."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.settings.exchange import DemoSettings

NAME = "demo"
LISTENING_WITHIN_S = 15.0
_GONE_WITHIN_S = 1.0
_LONGEST_COMPLAINT = 300

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


def free_port() -> int:
    """A TCP port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DemoExchange:
    """Runs ``alphaplus_tui.simulator`` as a direct child that ends when we do, however we end."""

    name = NAME
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __init__(self, settings: DemoSettings, *, port: int, options: Sequence[str] = ()) -> None:
        """options: further options of the simulator, such as ``--journal FILE``."""
        self.port = port
        self._command = (
            *(sys.executable, "-m", "alphaplus_tui.simulator", "--exit-with-parent"),
            *("--port", str(port), "--seed", str(settings.seed)),
            *("--symbols", str(settings.symbols), "--rate", str(settings.rate)),
            *options,
        )
        self._early: asyncio.subprocess.Process | None = None

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def spawn(self) -> None:
        """Begin before the services do: the child imports while we do. ``run`` takes it over."""
        self._early = await self._spawned()

    async def end(self) -> None:
        """End a child that nobody took over."""
        child, self._early = self._early, None
        if child is not None:
            await _end(child)

    async def run(self, life: Life) -> None:
        child, self._early = self._early or await self._spawned(), None
        stdout, stderr = child.stdout, child.stderr
        assert stdout is not None
        assert stderr is not None
        complaints = asyncio.create_task(_last_line(stderr), name="demo exchange stderr")
        try:
            with life.work(within_s=LISTENING_WITHIN_S):
                line = await stdout.readline()
            if not line:
                await child.wait()
                raise TransientError(f"the demo exchange did not start: {await complaints or 'it said nothing'}")
            log.info("demo_exchange_listens", pid=child.pid, url=json.loads(line).get("rest_url"))
            life.ready()
            code = await child.wait()
            raise TransientError(f"the demo exchange ended with code {code}: {await complaints or 'it said nothing'}")
        finally:
            complaints.cancel()
            await _end(child)

    async def _spawned(self) -> asyncio.subprocess.Process:
        # its standard input is the thread it hangs on: it ends when we close it, or die
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


@asynccontextmanager
async def demo_running(demo: DemoExchange, clock: Clock) -> AsyncGenerator[None]:
    """The demo exchange for a moment, without a manager; raises why it did not start."""
    life = Life(demo.name, clock)
    running = asyncio.create_task(demo.run(life), name=demo.name)
    ready = asyncio.create_task(life.wait_ready(), name="demo exchange ready")
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield
    finally:
        running.cancel()
        ready.cancel()
        await asyncio.wait({running, ready})


async def _last_line(stream: asyncio.StreamReader) -> str:
    """Reads to the end, so that the child never blocks on a full pipe; returns the last line that said something."""
    last = ""
    while chunk := await stream.read(65_536):
        lines = [line for line in chunk.decode(errors="replace").splitlines() if line.strip()]
        last = lines[-1][:_LONGEST_COMPLAINT] if lines else last
    return last


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), _GONE_WITHIN_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
