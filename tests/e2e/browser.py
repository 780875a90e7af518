"""A real browser without a window: opens pages, takes keys, and tells what its terminal was sent."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte
from websockets.asyncio.client import ClientConnection, connect

from tests.support import need_tool

Report = dict[str, Any]


class Browser:
    """One tab, driven by the DevTools protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Report]] = {}
        self._screen: pyte.Screen | None = None
        self._stream: pyte.ByteStream | None = None
        self.asked: list[str] = []
        """Every address that was asked for."""
        self.complaints: list[str] = []
        """What the browser wrote to its console as an error."""

    async def listen(self) -> None:
        async for text in self._connection:
            message: Report = json.loads(text)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            else:
                self._heard(message["method"], message["params"])

    def _heard(self, method: str, params: Report) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.asked.append(params["url"])
                columns, rows = (int(re.findall(f"{name}=([0-9]+)", params["url"])[0]) for name in ("width", "height"))
                self._screen = pyte.Screen(columns, rows)
                self._stream = pyte.ByteStream(self._screen)
            case "Network.webSocketFrameReceived" if params["response"]["opcode"] == 2 and self._stream is not None:
                self._stream.feed(base64.b64decode(params["response"]["payloadData"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case _:
                return

    async def call(self, method: str, **params: object) -> Report:
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": self._number, "method": method, "params": params}))
        async with asyncio.timeout(60):
            found = await answer
        assert "error" not in found, found["error"]
        return found["result"]

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return (await self.call("Runtime.evaluate", expression=expression, awaitPromise=True))["result"].get("value")

    async def picture(self) -> bytes:
        """A PNG of what a person sees."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    def shows(self, text: str) -> bool:
        """Whether the terminal of the page was sent this."""
        return self._screen is not None and any(text in line for line in self._screen.display)


@asynccontextmanager
async def browser(folder: Path) -> AsyncGenerator[Browser]:
    """Chromium with a profile in ``folder``; a skip where it is not installed."""
    program = need_tool("chromium", package="chromium")
    process = await asyncio.create_subprocess_exec(
        *(program, "--headless=new", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={folder}"),
        *("--no-first-run", "--disable-background-networking", "--disable-extensions", "--disable-dev-shm-usage"),
        *("--enable-unsafe-swiftshader", "--window-size=1300,800", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _address(folder / "DevToolsActivePort")
        async with connect(address, max_size=None, proxy=None) as connection:
            seen = Browser(connection)
            listening = asyncio.create_task(seen.listen())
            for domain in ("Page", "Network", "Log"):
                await seen.call(f"{domain}.enable")
            try:
                yield seen
            finally:
                listening.cancel()
                await asyncio.wait({listening})
    finally:
        process.terminate()
        await process.wait()


async def _address(file: Path) -> str:
    """Of the DevTools of the first tab."""
    async with asyncio.timeout(60):
        while not file.exists() or len(file.read_text().split()) < 2:  # noqa: ASYNC110  a file tells nobody
            await asyncio.sleep(0.05)
    port = file.read_text().split()[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(f"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: *([0-9]+)", head)[0])
    tabs: list[Report] = json.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
