"""The stream: a snapshot, then what changed, conflated; slow clients are let go."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import structs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from alphaplus_tui.api import stream
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.state.slices import FeedState
from tests.fakes.session import FakeSession
from tests.unit.api.serving import TOKEN, Client, healthy, served

BTC, ETH = InstrumentId("demo:BTC/USDT"), InstrumentId("demo:ETH/USDT")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def streaming(client: Client, asked: str = "") -> AsyncGenerator[ClientConnection]:
    url = f"ws{client.url.removeprefix('http')}/api/v1/stream?interval_ms=100{asked}"
    async with connect(url, additional_headers=HEADERS, proxy=None) as socket:
        yield socket


async def heard(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def heard_to_the_end(socket: ClientConnection) -> None:
    while True:
        await asyncio.wait_for(socket.recv(), 10)


def trade_at(session: FakeSession, name: InstrumentId, price: float) -> None:
    session.store.prices.put(name, structs.replace(session.store.prices[name], last=price))


async def test_every_slice_is_told_whole_at_first() -> None:
    async with served(healthy()) as client, streaming(client) as socket:
        assert await heard(socket) == {"type": "hello", "version": 1, "ready": True}
        frames = [await heard(socket) for _ in stream.SLICES]
    assert [(frame["type"], frame["slice"]) for frame in frames] == [("snapshot", name) for name in stream.SLICES]
    assert len(frames[0]["rows"]) == 12


async def test_after_that_only_what_changed_is_told_and_of_many_changes_the_last() -> None:
    session = healthy()
    async with served(session) as client, streaming(client, "&slices=tickers,coverage") as socket:
        for _ in range(3):
            await heard(socket)
        for price in (1.0, 2.0, 3.0):
            trade_at(session, BTC, price)
        frame = await heard(socket)
        assert (frame["type"], frame["slice"]) == ("change", "tickers")
        assert [(row["symbol"], row["last"]) for row in frame["rows"]] == [("BTC/USDT", 3.0)]
        feed = session.store.feeds[ETH]
        session.store.feeds.put(ETH, structs.replace(feed, state=FeedState.STALE, reason="nothing came for a while"))
        frame = await heard(socket)
        assert [(row["symbol"], row["state"]) for row in frame["rows"]] == [("ETH/USDT", "STALE")]


async def test_what_is_dropped_is_told_to_be_gone() -> None:
    session = healthy()
    async with served(session) as client, streaming(client, "&slices=services") as socket:
        for _ in range(2):
            await heard(socket)
        session.store.services.drop("candles")
        assert await heard(socket) == {"type": "change", "slice": "services", "rows": [], "gone": ["candles"]}


async def test_the_token_may_come_as_a_subprotocol_where_headers_cannot_be_sent() -> None:
    async with served(healthy()) as client:
        url = f"ws{client.url.removeprefix('http')}/api/v1/stream"
        offered = [Subprotocol("alphaplus"), Subprotocol(f"bearer.{TOKEN}")]
        async with connect(url, subprotocols=offered, proxy=None) as socket:
            assert socket.subprotocol == "alphaplus"
            assert (await heard(socket))["type"] == "hello"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer x"}, 401), ({**HEADERS, "Origin": "https://evil.example"}, 403)],
)
async def test_strangers_and_other_sites_hear_nothing(headers: dict[str, str], status: int) -> None:
    async with served(healthy()) as client:
        for path in ("stream", "session"):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(
                    f"ws{client.url.removeprefix('http')}/api/v1/{path}", additional_headers=headers, proxy=None
                ):
                    pytest.fail("it was let in")
            assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("&slices=tikers", "did you mean 'tickers'?"),
        ("&slice=tickers", "did you mean 'slices'?"),
        ("&slices=tickers&interval_ms=1", None),
    ],
)
async def test_a_wrong_wish_is_refused_with_what_is_allowed(asked: str, said: str | None) -> None:
    async with served(healthy()) as client:
        url = f"ws{client.url.removeprefix('http')}/api/v1/stream?{asked.removeprefix('&')}"
        async with connect(url, additional_headers=HEADERS, proxy=None) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert (said or "interval_ms is a whole number from 100 to 60000") in closed.value.rcvd.reason


async def test_a_client_that_speaks_is_let_go() -> None:
    async with served(healthy()) as client, streaming(client, "&slices=training") as socket:
        await socket.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            await heard_to_the_end(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def is_gone() -> bool:
    """Whether the API cares for one client only: it is done with the slow one."""
    return [task.get_name() for task in asyncio.all_tasks()].count("stream client") == 1


async def test_a_client_that_takes_nothing_is_let_go_politely_and_the_others_go_on() -> None:
    session = healthy()
    async with served(session, slow_after_s=0.3) as client, streaming(client, "&slices=tickers") as quick:
        url = f"ws{client.url.removeprefix('http')}/api/v1/stream?interval_ms=100&slices=orderbooks,tickers"
        async with connect(
            url, additional_headers=HEADERS, proxy=None, max_queue=1, ping_interval=None, close_timeout=1
        ) as slow:
            for _ in range(2):
                await heard(quick)
            frames = 0
            while not slow.transport.is_closing() and frames < 3000:
                frames += 1
                for name, row in session.store.books.items():
                    session.store.books.put(name, row)
                trade_at(session, BTC, float(frames))
                frame = await heard(quick)
                assert frame["rows"][-1]["last"] == frames
                if is_gone():
                    break
            with pytest.raises(ConnectionClosed) as closed:
                await heard_to_the_end(slow)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
