"""A session is visited over real sockets: its state is seen, its commands work, and it is found again when lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse

from alphaplus_tui import __version__
from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.errors import Disconnected, StoreUnavailable
from alphaplus_tui.remote.channel import Channel, NotAllowed, meet_on_socket, meet_on_web
from alphaplus_tui.remote.clock import RemoteClock
from alphaplus_tui.remote.mirror import Mirror
from alphaplus_tui.remote.server import ControlServer
from alphaplus_tui.remote.session import Meet, NotWelcome, RemoteSession
from alphaplus_tui.remote.visits import receive_web_visit, serve_visit
from alphaplus_tui.session.commands import Accepted, Command, PromoteModel, Refused, Reply, RestartService
from alphaplus_tui.session.queries import CandlesBetween, LogPage, ModelReport, Query
from alphaplus_tui.session.session import Session
from alphaplus_tui.state.slices import CounterRow, ExchangeRow, FeedState
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.clock import market_now
from alphaplus_tui.wire.control import VERSION, Request, Welcome, decode_answer, encode
from alphaplus_tui.wire.rows import SLICES
from alphaplus_tui.wire.visit import Update, decode_engine, shape
from tests.fakes.demo_rows import NOW, TIMEFRAMES, name_of
from tests.fakes.session import FakeSession
from tests.support import eventually

A = TypeVar("A")

TOKEN = "a token"


@asynccontextmanager
async def on_socket(session: Session, folder: Path) -> AsyncGenerator[Meet]:
    async with ControlServer(session, folder / "c.sock"):
        yield partial(meet_on_socket, folder / "c.sock")


@asynccontextmanager
async def on_web(session: Session, folder: Path) -> AsyncGenerator[Meet]:
    """A WebSocket server that asks for the token, as the API does."""

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.headers.get("Authorization") == f"Bearer {TOKEN}":
            await receive_web_visit(session, _Served(connection))

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        yield partial(meet_on_web, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", TOKEN)


class _Served:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def accept(self) -> None:
        pass

    async def receive_bytes(self) -> bytes:
        return bytes(await self._connection.recv(decode=False))

    async def send_bytes(self, data: bytes) -> None:
        await self._connection.send(data)

    async def close(self) -> None:
        await self._connection.close()


@pytest.fixture(params=[on_socket, on_web])
async def visited(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[tuple[FakeSession, RemoteSession]]:
    """A session, and a visit to it over each of the transports."""
    local = FakeSession()
    async with request.param(local, tmp_path) as meet, RemoteSession(meet, "the demo") as remote:
        yield local, remote


def same(local: FakeSession, remote: RemoteSession) -> bool:
    return all(list(getattr(local.state, name).items()) == list(getattr(remote.state, name).items()) for name in SLICES)


async def test_the_whole_state_is_there_at_once_and_follows(visited: tuple[FakeSession, RemoteSession]) -> None:
    local, remote = visited
    assert same(local, remote)
    local.store.counters.put("new", CounterRow("new", 1.0, 0.0))
    local.store.feeds.drop(name_of("BTC"))
    await eventually(lambda: same(local, remote))
    assert remote.state.link[ONLY].connected


async def test_wishes_and_questions_are_carried(visited: tuple[FakeSession, RemoteSession]) -> None:
    local, remote = visited
    assert await remote.send(PromoteModel("m-1")) == Accepted()
    assert local.sent == [PromoteModel("m-1")]
    local.refuse = "not now"
    assert await remote.send(RestartService("ingestion")) == Refused("not now")
    query = CandlesBetween(name_of("BTC"), TIMEFRAMES[0], 0, NOW, 50)
    assert await remote.ask(query) == await local.ask(query)
    assert (await remote.ask(LogPage(limit=3))).lines == tuple(local.log[-3:])
    answers = await asyncio.gather(*(remote.ask(ModelReport("demo-1")) for _ in range(5)))
    assert answers == [await local.ask(ModelReport("demo-1"))] * 5


async def test_what_stands_in_the_way_there_is_said_here(visited: tuple[FakeSession, RemoteSession]) -> None:
    local, remote = visited
    local.store_away = "the database is away"
    with pytest.raises(StoreUnavailable, match="the database is away"):
        await remote.ask(ModelReport("demo-1"))


class Slow(FakeSession):
    """Never answers, and counts who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = self.given_up = 0

    async def send(self, command: Command) -> Reply:
        await self._wait()
        return await super().send(command)

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        await self._wait()
        return await super().ask(query, deadline_s=deadline_s)

    async def _wait(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1


async def test_a_question_that_nobody_waits_for_is_forgotten_there(tmp_path: Path) -> None:
    local = Slow()
    async with on_socket(local, tmp_path) as meet, RemoteSession(meet, "the demo") as remote:
        asking = asyncio.create_task(remote.ask(ModelReport("demo-1")))
        await eventually(lambda: local.begun)
        asking.cancel()
        await eventually(lambda: local.given_up)


async def test_more_questions_at_once_than_eight_are_refused(tmp_path: Path) -> None:
    async with on_socket(Slow(), tmp_path) as meet, RemoteSession(meet, "the demo") as remote:
        asking = [asyncio.create_task(remote.ask(ModelReport("demo-1"))) for _ in range(9)]
        done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        assert "waiting already" in str(refused.exception())
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_lost_connection_shows_nothing_live_and_comes_back_by_itself(tmp_path: Path) -> None:
    local = FakeSession()
    local.store.exchanges.put("demo", ExchangeRow("demo", ExchangeState.FOLLOWED, "", NOW, 12, 0.0))
    async with AsyncExitStack() as stack:
        serving = AsyncExitStack()
        meet = await serving.enter_async_context(on_socket(local, tmp_path))
        remote = await stack.enter_async_context(RemoteSession(meet, "the demo"))
        assert FeedState.LIVE in {row.state for row in remote.state.feeds.values()}
        await serving.aclose()
        await eventually(lambda: not remote.state.link[ONLY].connected)
        assert FeedState.LIVE not in {row.state for row in remote.state.feeds.values()}
        assert not any(row.connected for row in remote.state.connections.values())
        assert remote.state.exchanges["demo"].state is ExchangeState.AWAY
        assert {row.health for row in remote.state.services.values()} == {"DEGRADED"}
        assert not remote.state.database[ONLY].connected
        assert len(remote.state.prices) == len(local.state.prices)
        refused = await remote.send(RestartService("ingestion"))
        assert isinstance(refused, Refused)
        assert "not connected" in refused.reason
        with pytest.raises(Disconnected, match="not connected"):
            await remote.ask(ModelReport("demo-1"))

        local.store.counters.put("later", CounterRow("later", 1.0, 0.0))
        async with on_socket(local, tmp_path):
            await eventually(lambda: remote.state.link[ONLY].connected)
            assert same(local, remote)


async def test_a_wish_on_its_way_when_the_connection_breaks_is_not_said_to_be_done(tmp_path: Path) -> None:
    local = Slow()
    async with AsyncExitStack() as stack:
        serving = AsyncExitStack()
        meet = await serving.enter_async_context(on_socket(local, tmp_path))
        remote = await stack.enter_async_context(RemoteSession(meet, "the demo"))
        sending = asyncio.create_task(remote.send(RestartService("ingestion")))
        await eventually(lambda: local.begun)
        await serving.aclose()
        reply = await sending
        assert isinstance(reply, Refused)
        assert "may be done yet" in reply.reason


class _Mutable:
    """A channel on which the other side falls silent, with the connection open."""

    def __init__(self, channel: Channel, silent: asyncio.Event) -> None:
        self._channel, self._silent = channel, silent
        self.send, self.close = channel.send, channel.close

    async def receive(self) -> bytes:
        frame = await self._channel.receive()
        if self._silent.is_set():
            await asyncio.Event().wait()
        return frame


async def test_an_alphaplus_that_says_nothing_is_lost(tmp_path: Path) -> None:
    silent = asyncio.Event()
    async with on_socket(FakeSession(), tmp_path) as meet:

        async def meet_mutable(request: bytes) -> tuple[bytes, Channel]:
            line, channel = await meet(request)
            return line, _Mutable(channel, silent)

        async with RemoteSession(meet_mutable, "the demo", silence_s=2.0) as remote:
            silent.set()
            await eventually(lambda: not remote.state.link[ONLY].connected)
            assert "said nothing for 2 s" in remote.state.link[ONLY].reason
            silent.clear()
            await eventually(lambda: remote.state.link[ONLY].connected)


async def test_ages_are_counted_by_the_engines_clock(tmp_path: Path) -> None:
    clock = RemoteClock()
    async with on_socket(FakeSession(), tmp_path) as meet, RemoteSession(meet, "the demo", clock=clock) as remote:
        hour = 3600 * 10**9
        clock.forget()
        clock.heard(NOW + hour, 5 * hour)
        clock.heard(NOW + hour - 10**9, 5 * hour - 10**9)  # a frame that was a second late
        assert abs(clock.time_ns() - NOW - hour) < 10**9 // 2
        assert abs(clock.monotonic() - 5 * 3600) < 0.5
        system = remote.state.system[ONLY]
        assert abs(market_now(remote.state, clock) - clock.time_ns() - system.clock_offset_ms * 1e6) < 10**8


async def test_another_release_is_refused_with_both_named(tmp_path: Path) -> None:
    async with on_socket(FakeSession(), tmp_path) as meet:

        async def older(request: bytes) -> tuple[bytes, Channel]:
            return await meet(request.replace(b'"shape":"', b'"shape":"other'))

        with pytest.raises(NotWelcome, match=rf"release {__version__} .*: use the same release"):
            async with RemoteSession(older, "the demo"):
                pass


async def test_an_engine_from_before_there_were_visits_is_refused(tmp_path: Path) -> None:
    async def older(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"type":"failure","reason":"no request of version 1: Invalid enum value"}\n')
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(older, tmp_path / "c.sock"):
        with pytest.raises(NotWelcome, match="no request of version 1"):
            async with RemoteSession(partial(meet_on_socket, tmp_path / "c.sock"), "the demo"):
                pass


async def test_one_visitor_too_many_is_turned_away_with_the_reason(tmp_path: Path) -> None:
    async with on_socket(FakeSession(seeded=False), tmp_path) as meet, AsyncExitStack() as visits:
        for _ in range(16):
            await visits.enter_async_context(RemoteSession(meet, "the demo"))
        with pytest.raises(NotWelcome, match="16 others"):
            await visits.enter_async_context(RemoteSession(meet, "the demo"))


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Disconnected, match="No such file"):
        async with RemoteSession(partial(meet_on_socket, tmp_path / "none.sock"), "the demo"):
            pass


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_token_is_said(status: int) -> None:
    def refuse(connection: ServerConnection, _: HttpRequest) -> HttpResponse:
        return connection.respond(status, "no\n")

    async def unreachable(_: ServerConnection) -> None:
        raise AssertionError

    async with serve(unreachable, "127.0.0.1", 0, process_request=refuse) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(NotAllowed, match=f"refuses the token .HTTP {status}"):
            await meet_on_web(url, "wrong", b"")


async def until_the_end(channel: Channel) -> None:
    while True:
        await channel.receive()


async def test_a_frame_that_is_none_ends_the_visit_and_nothing_else(tmp_path: Path) -> None:
    local = FakeSession()
    async with on_socket(local, tmp_path) as meet, RemoteSession(meet, "the demo") as remote:
        line, channel = await meet(encode(Request(VERSION, "session", release=__version__, shape=shape())))
        assert isinstance(decode_answer(line), Welcome)
        await channel.send(b"what?")
        with pytest.raises(Disconnected):
            await until_the_end(channel)
        await channel.close()
        assert await remote.send(RestartService("ingestion")) == Accepted()


class _Stopped:
    """A visitor who takes nothing until it is woken."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.taken: list[bytes] = []
        self.sends = 0

    async def receive(self) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def send(self, frame: bytes) -> None:
        self.sends += 1
        await self.woken.wait()
        self.taken.append(frame)

    async def close(self) -> None:
        pass


async def test_a_visitor_who_takes_nothing_costs_one_update_and_sees_the_newest_rows_later() -> None:
    local, stopped, mirror = FakeSession(seeded=False), _Stopped(), Mirror()
    visit = asyncio.create_task(serve_visit(local, stopped))
    await eventually(lambda: stopped.sends)
    for number in range(1_000):
        local.store.counters.put("new", CounterRow("new", float(number), 0.0))
        local.store.counters.drop("old")
        local.store.counters.put("old", CounterRow("old", float(number), 0.0))
        if number % 100 == 0:
            await asyncio.sleep(0.01)
    assert stopped.sends == 1
    stopped.woken.set()
    await eventually(lambda: len(stopped.taken) >= 2)
    for frame in stopped.taken[:2]:
        update = decode_engine(frame)
        assert isinstance(update, Update)
        mirror.take(update.slices, whole=update.whole)
    assert list(mirror.shown.counters.items()) == list(local.state.counters.items())
    visit.cancel()
    await asyncio.wait({visit})
