"""The HTTP API of a running AlphaPlus."""

import asyncio
import json
import os
import signal
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.e2e.harness import Program, pointed_at, run, started
from tests.support_simulator import running_simulator

UP = {"ALPHAPLUS_INFERENCE__ENABLED": "false"}


async def asked(url: str, path: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as http, http.get(url + path, headers=headers) as answer:
        return answer.status, json.loads(await answer.text())


def token_of(program: Program) -> str:
    return (program.data / "api-token").read_text().strip()


async def test_headless_serves_it_says_where_and_keeps_its_token_to_itself(tmp_path: Path) -> None:
    async with started(tmp_path, "--demo", "--headless", extra=UP) as program:
        url = (await program.line("ready", within_s=90))["api"]
        found = (program.data / "api-token").stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.getuid())
        assert await asked(url, "/livez") == (200, {"alive": True})
        assert (await asked(url, "/api/v1/tickers"))[0] == 401
        status, page = await asked(url, "/api/v1/tickers?symbol=BTC/USDT", token_of(program))
        assert status == 200
        assert page["items"][0]["exchange"] == "demo"
        told = await run(tmp_path, "--demo", "status", "--json", extra=UP)
        assert told.last["api"] == url
        assert f"API {url}" in (await run(tmp_path, "--demo", "status", extra=UP)).stdout
        token = token_of(program)
        program.process.terminate()
        assert (await program.ends()).code == 143
    for file in program.data.rglob("*.log"):
        assert token not in file.read_text()
    with pytest.raises(aiohttp.ClientError):
        await asked(url, "/livez")


async def test_a_taken_port_costs_the_api_and_not_the_engine(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = {"ALPHAPLUS_API__PORT": str(taken.getsockname()[1])}
        done = await run(tmp_path, "--demo", "--headless", "--duration", "1s", extra={**UP, **port}, within_s=120)
    assert done.code == 0
    assert json.loads(done.stdout.splitlines()[0])["api"] is None
    assert done.last["event"] == "summary"
    assert "no_api" in done.stderr
    assert "set api.port" in done.stderr


async def test_it_is_not_served_where_that_is_not_wanted(tmp_path: Path) -> None:
    off = {**UP, "ALPHAPLUS_API__ENABLED": "false"}
    async with started(tmp_path, "--demo", "--headless", extra=off) as program:
        assert (await program.line("ready", within_s=90))["api"] is None
        assert not (program.data / "api-token").exists()


@pytest.mark.slow
async def test_with_the_database_frozen_and_the_exchange_gone_it_still_says_how_it_is(tmp_path: Path) -> None:
    async with running_simulator(symbols=2, rate=20.0) as market:
        extra = {**UP, **pointed_at(market.rest_url, market.ws_url)}
        async with started(tmp_path, "--headless", extra=extra) as program:
            url = (await program.line("ready", within_s=90))["api"]
            token = token_of(program)
            await _until(url, token, 200)
            servers = [one for one in program.family() if one.name() == "postgres"]
            assert servers
            try:
                for server in servers:
                    server.suspend()
                market.process.kill()
                parts = await _until(url, token, 503, "database", "feed:demo:BTC/USDT")
                assert "engine" not in parts
                assert await asked(url, "/livez") == (200, {"alive": True})
                assert (await asked(url, "/api/v1/tickers", token))[0] == 200
                status, problem = await asked(url, "/api/v1/trades?symbol=BTC/USDT&since=2026-01-01", token)
                assert (status, problem["status"]) == (503, 503)
            finally:
                for server in servers:
                    _wake(server)
            program.send(signal.SIGTERM)
            assert (await program.ends()).code == 143


def _wake(server: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):  # it served one connection, which is closed
        server.resume()


async def _until(url: str, token: str, status: int, *parts: str) -> list[str]:
    """Until readiness is as wanted, with these parts among the unhealthy ones; all of them."""
    async with asyncio.timeout(60):
        while True:
            found, said = await asked(url, "/readyz", token)
            unhealthy = [one["part"] for one in said["unhealthy"]]
            if found == status and set(parts) <= set(unhealthy):
                return unhealthy
            await asyncio.sleep(0.1)
