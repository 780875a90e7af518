"""Who may ask, under which name, how often, and how much."""

import asyncio
import socket
import time
from collections import Counter
from contextlib import suppress

import aiohttp
import pytest

from alphaplus_tui.api import connection
from alphaplus_tui.settings.api import ApiSettings
from tests.support import eventually
from tests.unit.api.serving import TOKEN, Client, healthy, served

ROUTES = (
    *("GET /readyz", "GET /metrics", "GET /openapi.json", "GET /api/v1/services", "POST /api/v1/services/x/restart"),
    *("GET /api/v1/tickers", "GET /api/v1/candles", "GET /api/v1/trades", "GET /api/v1/orderbook"),
    *(
        "GET /api/v1/coverage",
        "GET /api/v1/coverage/map",
        "GET /api/v1/models",
        "POST /api/v1/models/x/promote",
        "POST /api/v1/models/x/pin",
    ),
    *("POST /api/v1/models/rollback", "POST /api/v1/training", "DELETE /api/v1/training/x", "GET /api/v1/predictions"),
    *("GET /api/v1/signals", "GET /api/v1/decisions", "GET /api/v1/alerts", "GET /api/v1/portfolio"),
    *("GET /api/v1/orders", "GET /api/v1/fills", "GET /api/v1/stream", "GET /api/v1/session", "GET /nothing"),
)
FORGED = (
    *("evil.example", "evil.example:8710", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost"),
    *("evil.example#127.0.0.1", "127.0.0.1@evil.example", "evil.example/127.0.0.1", "localhost:80@evil.example"),
    *("127.0.0.2", "127.1", "0.0.0.0", "0", "2130706433", "0x7f000001", "127.0.0.1.", "localhost.", "[::]"),
    *("[::2]", "[::ffff:127.0.0.1]", "::1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:80:80"),
    *(
        "localhost,evil.example",
        "localhost evil.example",
        "evil.example, localhost",
        "localhost;evil",
        "*",
        "*.localhost",
    ),
    *("10.0.0.1", "192.168.1.1", "169.254.169.254", "metadata.google.internal", "alphaplus", "local host"),
    *("localhost%00.evil.example", "[127.0.0.1]x", "localhost\\evil", "http://localhost", "xn--lcalhost-9za"),
)
ORIGINS = (
    *("https://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "file://", "https://127.0.0.1.evil"),
    *("http://evil.example:8710", "chrome-extension://abc", "http://[::1]", "evil"),
)


@pytest.mark.parametrize("route", ROUTES)
async def test_without_the_token_nothing_is_told(route: str) -> None:
    method, _, path = route.partition(" ")
    async with served(healthy()) as client:
        for token in (None, "", "x", TOKEN[:-1], TOKEN + "t", f"{TOKEN} {TOKEN}", "é" * 43):
            found = await client.ask(path, method=method, token=token)
            assert (found.status, found.kind) == (401, "application/problem+json"), token


async def test_another_scheme_is_no_token() -> None:
    async with served(healthy()) as client:
        found = await client.ask("/readyz", token=None, Authorization=f"Basic {TOKEN}")
    assert found.status == 401


def test_forty_names_are_tried() -> None:
    assert len(set(FORGED)) >= 40


@pytest.mark.parametrize("host", FORGED)
async def test_asked_under_a_name_that_is_not_ours_it_says_nothing(host: str) -> None:
    async with served(healthy()) as client:
        for path in ("/livez", "/readyz"):
            found = await client.ask(path, Host=host)
            assert found.status == 403
            assert "alive" not in found.text


async def test_a_request_without_a_name_or_with_two_is_refused() -> None:
    async with served(healthy()) as client:
        port = int(client.url.rpartition(":")[2])
        for hosts in ("", "Host: localhost\r\nHost: evil.example\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /livez HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            assert answer.split()[1] in {b"400", b"403"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8710", "127.0.0.1", "127.0.0.1:1", "[::1]:8710", "prices.lan"]
)
async def test_our_own_names_and_those_of_the_settings_are_answered(host: str) -> None:
    async with served(healthy(), ApiSettings(port=0, allowed_hosts=("prices.lan",))) as client:
        assert (await client.ask("/livez", Host=host)).status == 200


@pytest.mark.parametrize("origin", ORIGINS)
async def test_pages_of_other_sites_may_not_ask(origin: str) -> None:
    async with served(healthy()) as client:
        assert (await client.ask("/readyz", Origin=origin)).status == 403


async def test_a_page_of_our_own_may_ask() -> None:
    async with served(healthy()) as client:
        assert (await client.ask("/readyz", Origin=client.url)).status == 200
        assert (await client.ask("/readyz", Sec_Fetch_Site="same-origin")).status == 200
        for site in ("cross-site", "same-site"):
            assert (await client.ask("/readyz", Sec_Fetch_Site=site)).status == 403


async def test_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_suffers() -> None:
    async with served(healthy(), clock=lambda: 0.0) as client:
        found = [await client.ask("/readyz", token=None) for _ in range(42)]
        assert [one.status for one in found] == [401] * 40 + [429] * 2
        assert found[-1].kind == "application/problem+json"
        assert int(found[-1].headers["retry-after"]) >= 1
        assert (await client.ask("/readyz")).status == 200
        assert (await client.ask("/livez", token=None)).status == 200


async def test_in_a_flood_sixteen_ask_at_a_time_and_wait_for_their_refusals() -> None:
    async with served(healthy(), clock=time.monotonic) as client:
        port, seen = int(client.url.rpartition(":")[2]), Counter[str]()
        stop = asyncio.Event()

        async def flood() -> None:
            while not stop.is_set():
                with suppress(OSError, asyncio.IncompleteReadError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answer = await reader.read()
                    writer.close()
                    seen[answer.split()[1].decode() if answer else "refused"] += 1
                    continue
                seen["refused"] += 1
                await asyncio.sleep(0.01)

        began = time.monotonic()
        clients = [asyncio.create_task(flood()) for _ in range(40)]
        await eventually(lambda: seen["429"] >= 40 and seen["refused"] >= 40, within_s=60)
        took_s = time.monotonic() - began
        stop.set()
        await asyncio.gather(*clients)
        assert set(seen) <= {"401", "429", "refused"}
        assert seen["401"] <= 40 + 20 * (took_s + 2)
        assert (await client.ask("/readyz")).status == 200


async def test_a_long_body_is_refused_and_so_is_one_without_a_length() -> None:
    async def endless() -> object:
        yield b"{" * 10

    async with served(healthy()) as client:
        found = await client.ask("/api/v1/training", method="POST", json={"symbols": ["x" * 70_000]})
        assert found.status == 413
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with client.http.post(f"{client.url}/api/v1/training", data=endless(), headers=headers) as answer:
            assert answer.status == 411


def _knock(client: Client) -> socket.socket:
    """A connection that has said nothing yet."""
    return socket.create_connection(("127.0.0.1", int(client.url.rpartition(":")[2])), timeout=10)


async def _status(asking: socket.socket, request: bytes) -> int:
    """Of the answer; 0 where the connection is refused."""

    def ask() -> bytes:
        with suppress(ConnectionError):
            asking.sendall(request)
            return asking.recv(65_536)
        return b""

    answer = await asyncio.to_thread(ask)
    return int(answer.split()[1]) if answer else 0


async def _is_closed(held: socket.socket) -> bool:
    def read() -> bytes:
        with suppress(ConnectionError):
            return held.recv(65_536)
        return b""

    return await asyncio.to_thread(read) == b""


LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALF_A_BODY = (
    f"POST /api/v1/training HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
).encode()


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /livez HTT", LIVEZ[:-2], HALF_A_BODY],
    ids=["nothing", "half a line", "half a head", "half a body"],
)
async def test_connections_that_ask_nothing_make_room_for_one_that_does(said: bytes) -> None:
    async with served(healthy()) as client:
        held = [_knock(client) for _ in range(16)]
        for one in held:
            one.sendall(said)
        try:
            for _ in range(5):
                with _knock(client) as asking:
                    assert await _status(asking, LIVEZ) == 200
            assert await _is_closed(held[0])
        finally:
            for one in held:
                one.close()


@pytest.mark.parametrize("said", [b"", LIVEZ[:-2], HALF_A_BODY], ids=["nothing", "half a head", "half a body"])
async def test_a_request_that_is_not_whole_in_time_is_not_waited_for(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_WHOLE_REQUEST_WITHIN_S", 0.2)
    async with served(healthy()) as client:
        with _knock(client) as held:
            held.sendall(said)
            assert await _is_closed(held)


async def test_the_seventeenth_connection_is_refused_while_sixteen_are_being_answered() -> None:
    session = healthy()
    session.hold = asyncio.Event()
    async with served(session) as client:
        asked = [asyncio.create_task(client.ask("/api/v1/signals", Connection="close")) for _ in range(16)]
        await eventually(lambda: len(session.asked) == 16)
        with _knock(client) as asking:
            assert await _status(asking, LIVEZ) == 0
        session.hold.set()
        assert {one.status for one in await asyncio.gather(*asked)} == {200}
        assert (await client.ask("/livez")).status == 200


async def test_streams_leave_room_for_questions(caplog: pytest.LogCaptureFixture) -> None:
    async with served(healthy()) as client:
        url, headers = f"{client.url}/api/v1/stream", {"Authorization": f"Bearer {TOKEN}"}
        streams = [await client.http.ws_connect(url, headers=headers) for _ in range(12)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.http.ws_connect(url, headers=headers)
        assert refused.value.status == 503
        assert (await client.ask("/readyz")).status == 200
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
        await streams.pop().close()
        async with asyncio.timeout(10):
            while (again := await _stream(client, url, headers)) is None:  # noqa: ASYNC110  the other side of a socket tells no event
                await asyncio.sleep(0.01)
        assert (await again.receive_json())["type"] == "hello"
        await again.close()
        for one in streams:
            await one.close()


async def _stream(client: Client, url: str, headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse | None:
    with suppress(aiohttp.ClientError):
        return await client.http.ws_connect(url, headers=headers)
    return None


async def test_a_taken_port_is_named() -> None:
    from alphaplus_tui.api.server import ApiServer, CannotListen

    async def nothing(*_: object) -> None: ...

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port} .*in use.*set api.port"):
            async with ApiServer(nothing, host="127.0.0.1", port=port):
                pytest.fail("it listens")
