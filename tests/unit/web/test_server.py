"""The web console lets in who brought the link, asks everybody else to leave, and ends what it began."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSServerHandshakeError

from alphaplus_tui.web.server import CannotServe, WebServer
from tests.support import eventually

CONSOLE = r"""
import json, os, sys, time
sys.stdout.buffer.write(b"__GANGLION__\n")
def say(text):
    sys.stdout.buffer.write(b"D" + len(text).to_bytes(4, "big") + text)
    sys.stdout.buffer.flush()
say(f"{os.getpid()} {os.environ['COLUMNS']}x{os.environ['ROWS']}".encode())
while head := sys.stdin.buffer.read(5):
    body = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"M" and json.loads(body)["type"] == "quit" and "stuck" not in sys.argv:
        break
    say(head[:1] + body)
if "stuck" in sys.argv:
    time.sleep(1000)
"""
"""Says its number and size, and repeats what it is told, as a Textual program speaks to a browser."""


@asynccontextmanager
async def served(*arguments: str, most_tabs: int = 2) -> AsyncGenerator[tuple[WebServer, ClientSession]]:
    """A server, and a browser that has no cookie yet."""
    command = [sys.executable, "-c", CONSOLE, *arguments]
    async with (
        WebServer(command, host="127.0.0.1", port=0, most_tabs=most_tabs) as server,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
    ):
        yield server, client


async def status(client: ClientSession, url: str, **headers: str) -> int:
    async with client.get(url, headers=headers) as answer:
        return answer.status


async def tab(server: WebServer, client: ClientSession, size: str = "width=100&height=30") -> ClientWebSocketResponse:
    return await client.ws_connect(f"{server.url}/ws?{size}", origin=server.url)


async def told(socket: ClientWebSocketResponse) -> str:
    async with asyncio.timeout(20):
        return (await socket.receive_bytes()).decode()


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/ws", "/static/js/textual.js", "/elsewhere"])
async def test_without_the_link_nothing_is_to_be_had(path: str) -> None:
    async with served() as (server, client):
        assert await status(client, server.url + path) == 401


async def test_a_link_lets_one_browser_in_and_no_second() -> None:
    async with served() as (server, client):
        link = server.link
        async with client.get(link) as answer:
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert "token" not in await answer.text()
        assert await status(client, server.url) == 200
        assert await status(client, f"{server.url}/static/js/textual.js") == 200
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
            assert await status(other, link) == 401
            assert server.link_is_new.is_set()
            assert server.link != link
            assert await status(other, server.link) == 200


async def test_the_page_may_load_nothing_from_elsewhere() -> None:
    async with served() as (server, client):
        await client.get(server.link)
        async with client.get(server.url) as answer:
            text = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "//" not in text.replace('"wss://"', "").replace('"ws://"', "").replace("// once", "")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost.",
        "a@127.0.0.1",
        "127.0.0.1:x",
        "[",
        "127.0.0.2",
        "LOCALHOST/",
    ],
)
async def test_another_name_is_not_answered_to(host: str) -> None:
    async with served() as (server, client):
        await client.get(server.link)
        assert await status(client, server.url, Host=host) in {400, 421}
        assert await status(client, server.url, Host="localhost") == 401  # its cookie belongs to another port


async def test_a_page_of_another_site_reaches_neither_page_nor_socket() -> None:
    async with served() as (server, client):
        await client.get(server.link)
        assert await status(client, server.url, Origin="http://evil.example") == 403
        assert await status(client, f"{server.url}/static/js/textual.js", **{"Sec-Fetch-Site": "cross-site"}) == 403
        for origin in ("http://evil.example", "http://127.0.0.1:1", None):
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect(f"{server.url}/ws", origin=origin)
            assert refused.value.status == 403


async def test_a_tab_is_a_console_of_its_own_that_takes_keys_and_sizes() -> None:
    async with served() as (server, client):
        await client.get(server.link)
        first, second = await tab(server, client), await tab(server, client, "width=999999999&height=x")
        number, size = (await told(first)).split()
        other, bounded = (await told(second)).split()
        assert number != other
        assert (size, bounded) == ("100x30", "80x24")
        await first.send_json(["stdin", "ä4"])
        assert await told(first) == "Dä4"
        for nonsense in ("{}", "[]", '["resize", {"width": "1"}]', '["resize"]', '["what?", 1]', "7"):
            await first.send_str(nonsense)
        await first.send_json(["resize", {"width": 10**9, "height": -5}])
        assert await told(first) == 'M{"type": "resize", "width": 1000, "height": 1}'
        await first.close()
        await eventually(lambda: not psutil.pid_exists(int(number)))
        assert psutil.pid_exists(int(other))
        await second.close()


async def test_more_tabs_than_allowed_are_turned_away() -> None:
    async with served(most_tabs=1) as (server, client):
        await client.get(server.link)
        socket = await tab(server, client)
        await told(socket)
        assert await status(client, server.url) == 503
        with pytest.raises(WSServerHandshakeError) as refused:
            await tab(server, client)
        assert refused.value.status == 503
        await socket.close()
        async with asyncio.timeout(10):
            while await status(client, server.url) != 200:
                pass


@pytest.mark.parametrize("arguments", [(), ("stuck",)])
async def test_at_the_end_no_console_is_left(arguments: tuple[str, ...]) -> None:
    async with served(*arguments) as (server, client):
        await client.get(server.link)
        number = int((await told(await tab(server, client))).split()[0])
    assert not psutil.pid_exists(number)


async def test_a_port_that_is_taken_is_said() -> None:
    async with served() as (server, _):
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(CannotServe, match=f"127.0.0.1:{port} .*--port"):
            await WebServer(["true"], host="127.0.0.1", port=port).__aenter__()


def test_the_page_is_packed_with_the_program() -> None:
    import alphaplus_tui.web

    assert Path(alphaplus_tui.web.__file__).with_name("page.html").is_file()
