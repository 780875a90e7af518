"""systemd hears when we are ready, that every service lives, and when we stop; over a real datagram socket."""

import asyncio
import io
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator

import pytest

from alphaplus_tui.headless.runner import run
from alphaplus_tui.headless.supervisor import Supervisor
from tests.fakes.engine import FakeEngine
from tests.support import eventually


class Ear:
    """What a service manager would listen with."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        """Every line so far."""
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard


@pytest.fixture
def address() -> Generator[str]:
    folder = tempfile.mkdtemp(prefix="ap-")
    yield f"{folder}/notify"
    shutil.rmtree(folder)


@pytest.fixture
def ear(address: str) -> Generator[Ear]:
    made = Ear(address)
    yield made
    made.socket.close()


async def test_ready_is_told_when_the_engine_is_and_stopping_before_it_stops(ear: Ear, address: str) -> None:
    engine, stop = FakeEngine(), asyncio.Event()
    supervisor = Supervisor(address)
    running = asyncio.create_task(run(engine, duration_s=None, stop=stop, out=io.StringIO(), supervisor=supervisor))
    await eventually(lambda: "READY=1" in ear.listen())
    assert "STOPPING=1" not in ear.listen()
    stop.set()
    await running
    assert ear.listen() == ["READY=1", "STATUS=running", "STOPPING=1", "STATUS=stopping"]


async def test_an_engine_that_does_not_start_is_never_ready(ear: Ear, address: str) -> None:
    engine, stop = FakeEngine(hangs=True), asyncio.Event()
    running = asyncio.create_task(
        run(engine, duration_s=None, stop=stop, out=io.StringIO(), supervisor=Supervisor(address))
    )
    await eventually(lambda: engine.calls)
    stop.set()
    await running
    assert ear.listen() == ["STOPPING=1", "STATUS=stopping"]


async def test_the_watchdog_is_fed_only_while_no_service_is_overdue(ear: Ear, address: str) -> None:
    late: list[str] = []
    feeding = asyncio.create_task(Supervisor(address, watchdog_s=0.02).feed(lambda: late))
    await eventually(lambda: ear.listen().count("WATCHDOG=1") > 2)
    late.append("persistence")
    await eventually(lambda: "STATUS=waiting for persistence" in ear.listen())
    fed = ear.listen().count("WATCHDOG=1")
    await asyncio.sleep(0.1)  # five times as long as it takes to feed once
    assert ear.listen().count("WATCHDOG=1") == fed
    late.clear()
    await eventually(lambda: ear.listen().count("WATCHDOG=1") > fed)
    assert "STATUS=running" in ear.listen()
    feeding.cancel()
    await asyncio.wait([feeding])


def test_the_variables_are_read_once_and_are_no_childs_business(address: str) -> None:
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    assert Supervisor.of_environment(environ).watchdog_s == 30.0
    assert environ == {"HOME": "/"}
    anothers = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}
    assert Supervisor.of_environment(anothers).watchdog_s is None


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "vsock:1"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
async def test_where_nobody_listens_nothing_happens(environ: dict[str, str]) -> None:
    supervisor = Supervisor.of_environment(environ)
    supervisor.ready("running")
    supervisor.stopping()
    feeding = asyncio.create_task(supervisor.feed(lambda: ("a",)))
    await asyncio.sleep(0)
    assert not feeding.done()
    feeding.cancel()
    await asyncio.wait([feeding])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has sockets without a file")
async def test_a_socket_without_a_file_is_heard_too() -> None:
    name = f"alphaplus-test-{os.getpid()}"
    ear = Ear(f"\0{name}")
    Supervisor(f"@{name}").ready("running")
    assert ear.listen() == ["READY=1", "STATUS=running"]
    ear.socket.close()
