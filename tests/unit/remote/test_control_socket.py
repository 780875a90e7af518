"""The running AlphaPlus is asked over its control socket."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import DeadlineExceeded, Disconnected, ProtocolError
from alphaplus_tui.remote.client import ask_status
from alphaplus_tui.remote.server import ControlServer
from alphaplus_tui.state.slices import FeedRow, FeedState, GapRow, LatencyRow, ServiceRow
from alphaplus_tui.wire.control import Answer, Failure, Status, decode_answer
from tests.fakes.engine import FakeEngine
from tests.support import eventually

BTC = InstrumentId("demo:BTC/USDT")


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def mode_of(socket: Path) -> int | None:
    return stat.S_IMODE(socket.stat().st_mode) if socket.exists() else None


def leave_behind(socket: Path) -> None:
    socket.touch()


@asynccontextmanager
async def serving(socket: Path, *, idle_s: float = 30.0) -> AsyncGenerator[FakeEngine, None]:
    engine = FakeEngine()
    await engine.start()
    async with ControlServer(engine.session, socket, idle_s=idle_s):
        yield engine


async def talk(socket: Path, *lines: bytes) -> list[Answer]:
    """The answers to some lines; fewer when the server hangs up."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=2**24)
    try:
        for line in lines:
            writer.write(line)
        await writer.drain()
        answers = [await reader.readline() for _ in lines]
        return [decode_answer(answer) for answer in answers if answer]
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_status_is_what_the_state_shows(socket: Path) -> None:
    async with serving(socket) as engine:
        state = engine.session.state
        row = ServiceRow("ingestion", "RUNNING", "DEGRADED", "slow", ("bus",), 2, "boom", 1.0, None)
        state.services.put(row.name, row)
        state.feeds.put(BTC, FeedRow(BTC, FeedState.STALE, "silent", 1, (3, 4)))
        state.gaps.put((BTC, 5), GapRow(BTC, 5, 9, 5, "", 7))
        state.latencies.put("wire_to_state", LatencyRow("wire_to_state", 1, 0.1, 0.1, 0.1, 0.1, ((0.1, 1),)))
        status = await ask_status(socket)
    assert status.pid == os.getpid()
    assert status.system is not None
    assert (status.system.version, status.system.startup_s) == ("1.2.3", 0.25)
    assert status.services == (row,)
    assert status.feeds[0].progress == (3, 4)
    assert status.gaps[0].missing == 5
    assert status.latencies[0].buckets == ()


async def test_only_the_owner_can_connect_and_the_socket_is_gone_afterwards(socket: Path) -> None:
    async with serving(socket):
        assert mode_of(socket) == 0o600
    assert mode_of(socket) is None


async def test_what_a_killed_engine_left_behind_is_replaced(socket: Path) -> None:
    leave_behind(socket)
    async with serving(socket):
        assert (await ask_status(socket)).system is not None


async def test_several_clients_are_answered_each_as_often_as_it_asks(socket: Path) -> None:
    async with serving(socket):
        line = b'{"version":1,"ask":"status"}\n'
        answers = await asyncio.gather(*(talk(socket, line, line) for _ in range(5)))
    assert [len(found) for found in answers] == [2] * 5
    assert all(isinstance(answer, Status) for found in answers for answer in found)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello\n", "no request of version 1"),
        (b'{"version":1,"ask":"everything"}\n', "no request of version 1"),
        (b'{"version":2,"ask":"status"}\n', "speaks version 1, not 2"),
        (b"x" * 70_000 + b"\n", "at most 65536 bytes"),
    ],
)
async def test_a_request_that_is_none_is_refused_with_the_reason(socket: Path, line: bytes, reason: str) -> None:
    async with serving(socket):
        (answer,) = await talk(socket, line)
        assert isinstance(answer, Failure)
        assert reason in answer.reason
        assert (await ask_status(socket)).system is not None


async def test_more_clients_than_sixteen_are_turned_away(socket: Path) -> None:
    async with serving(socket):
        streams = [await asyncio.open_unix_connection(socket) for _ in range(16)]
        for reader, writer in streams:
            writer.write(b'{"version":1,"ask":"status"}\n')
            assert await reader.readline()
        with pytest.raises(ProtocolError, match="others are asking"):
            await ask_status(socket)
        for _, writer in streams:
            writer.close()
            await writer.wait_closed()


async def test_a_silent_client_is_let_go(socket: Path) -> None:
    async with serving(socket, idle_s=0.05):
        reader, writer = await asyncio.open_unix_connection(socket)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_the_server_ends_although_a_client_is_connected(socket: Path) -> None:
    async with serving(socket):
        reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(b'{"version":1,"ask":"status"}\n')
        assert await reader.readline()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_nobody_there_is_said(socket: Path) -> None:
    with pytest.raises(Disconnected, match="cannot be asked"):
        await ask_status(socket)


async def test_somebody_who_does_not_answer_is_not_waited_for(socket: Path) -> None:
    heard: list[bytes] = []
    done = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        await done.wait()
        writer.close()

    server = await asyncio.start_unix_server(mute, path=socket)
    with pytest.raises(DeadlineExceeded):
        await ask_status(socket, deadline_s=0.2)
    await eventually(lambda: heard)
    done.set()
    server.close()


@pytest.mark.parametrize(("answer", "error"), [(b"what?\n", ProtocolError), (b"", Disconnected), (b"{", Disconnected)])
async def test_somebody_who_speaks_otherwise_is_noticed(socket: Path, answer: bytes, error: type[Exception]) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(other, path=socket)
    with pytest.raises(error):
        await ask_status(socket)
    server.close()
