"""A real Prometheus for a test: scrapes what it is told each second, and answers queries."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from alphaplus_tui.resources import read_resource
from tests.support import need_tool


class Prometheus:
    """Asks a running one."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url, self._http = url, http

    async def query(self, expression: str) -> list[Any]:
        """The samples that an expression gives now."""
        found = await self.get("query", query=expression)
        assert found["resultType"] == "vector", found
        return found["result"]

    async def get(self, what: str, **parameters: str) -> Any:
        async with self._http.get(f"{self._url}/api/v1/{what}", params=parameters) as answer:
            said = json.loads(await answer.text())
            assert said["status"] == "success", (what, parameters, said)
            return said["data"]

    async def until(self, expression: str, *, within_s: float = 60) -> None:
        """Until an expression gives something."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not await self.query(expression):
            targets = await self.get("targets")
            assert loop.time() < deadline, f"{expression} gives nothing: {targets['activeTargets']}"
            await asyncio.sleep(0.25)

    async def is_ready(self) -> bool:
        try:
            async with self._http.get(f"{self._url}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def scraping(folder: Path, api: str, token: Path) -> AsyncGenerator[Prometheus]:
    """With the configuration and the rules that come with AlphaPlus, pointed at ``api``, each second."""
    program = need_tool("prometheus", package="prometheus")
    text = read_resource("assets/prometheus/prometheus.yml")
    text = re.sub(r"_interval: 15s", "_interval: 1s", text)
    text = text.replace("127.0.0.1:8710", api.removeprefix("http://")).replace("api-token", str(token))
    (folder / "prometheus.yml").write_text(text)
    (folder / "alerts.yml").write_text(read_resource("assets/prometheus/alerts.yml"))
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with aiohttp.ClientSession() as http:
            prometheus = Prometheus(f"http://127.0.0.1:{port}", http)
            async with asyncio.timeout(60):
                while not await prometheus.is_ready():  # noqa: ASYNC110  another program tells no event
                    await asyncio.sleep(0.1)
            yield prometheus
    finally:
        process.terminate()
        await process.communicate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
