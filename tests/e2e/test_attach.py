"""Consoles come to a running engine and leave it, over its socket and its API, and nothing disturbs it."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from alphaplus_tui.errors import UsageError
from alphaplus_tui.remote.channel import NotAllowed, meet_on_socket, meet_on_web
from alphaplus_tui.remote.session import RemoteSession
from alphaplus_tui.session.commands import Accepted, RestartService
from alphaplus_tui.session.queries import LogPage
from alphaplus_tui.settings.api_token import read_token
from alphaplus_tui.state.view import ONLY
from tests.e2e.harness import Program, data_folder, run, started
from tests.e2e.terminal import FEW, terminal
from tests.support import eventually

DEMO = ("--headless", "--demo")
WITH_API = {**FEW, "ALPHAPLUS_API__PORT": "0"}


def info_of(home: Path) -> dict[str, str]:
    return json.loads((data_folder(home) / "engine.json").read_text())


def local(home: Path) -> RemoteSession:
    return RemoteSession(partial(meet_on_socket, Path(info_of(home)["control_socket"])), "the engine of a test")


def trades_seen(session: RemoteSession) -> int:
    return sum(row.trades for row in session.state.prices.values())


async def until_ready(engine: Program) -> str:
    """The address of its API."""
    return (await engine.line("ready", within_s=90))["api"]


async def test_a_second_start_attaches_and_says_so_and_leaves_the_engine_running(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await until_ready(engine)
        async with terminal(tmp_path, "--demo") as seen:
            await eventually(lambda: seen.shows("attached") and seen.shows("feed 2/2"), within_s=60)
            seen.type(b"q")
            assert await seen.ends() == 0
            assert f"another AlphaPlus (pid {engine.pid}, since ".encode() in seen.raw
        await engine.until(lambda status: status.system is not None and not status.system.stopping)


async def test_an_attached_console_finds_the_engine_that_was_killed_and_started_anew(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await until_ready(engine)
        async with terminal(tmp_path, "attach", "--demo") as seen:
            await eventually(lambda: seen.shows("attached") and seen.shows("feed 2/2"), within_s=60)
            engine.send(signal.SIGKILL)
            await eventually(lambda: seen.shows("connection lost, trying again"), within_s=30)
            assert not seen.shows("feed 2/2")
            async with started(tmp_path, *DEMO, extra=FEW) as second:
                await until_ready(second)
                await eventually(lambda: seen.shows("attached") and seen.shows("feed 2/2"), within_s=60)
            await eventually(lambda: seen.shows("connection lost, trying again"), within_s=30)


async def test_a_visit_over_the_api_sees_the_same_and_carries_wishes(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=WITH_API) as engine:
        url = (await until_ready(engine)).replace("http:", "ws:") + "/api/v1/session"
        token = read_token(data_folder(tmp_path) / "api-token")
        async with RemoteSession(partial(meet_on_web, url, token), url) as far, local(tmp_path) as near:
            assert set(far.state.services) == set(near.state.services)
            before = trades_seen(far)
            await eventually(lambda: trades_seen(far) > before, within_s=30)
            assert await far.send(RestartService("retention")) == Accepted()
            assert (await far.ask(LogPage(service="retention"), deadline_s=20)).lines
        with pytest.raises(NotAllowed):
            await meet_on_web(url, "x" * 43, b"")
        async with terminal(tmp_path, "attach", url, "--token-file", str(data_folder(tmp_path) / "api-token")) as seen:
            await eventually(lambda: seen.shows("attached") and seen.shows("feed 2/2"), within_s=60)


async def test_of_five_consoles_one_is_stopped_and_neither_engine_nor_others_notice(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine, AsyncExitStack() as visits:
        await until_ready(engine)
        others = [await visits.enter_async_context(local(tmp_path)) for _ in range(4)]
        async with terminal(tmp_path, "attach", "--demo") as seen:
            await eventually(lambda: seen.shows("attached") and seen.shows("feed 2/2"), within_s=60)
            seen.process.send_signal(signal.SIGSTOP)
            process = psutil.Process(engine.pid)
            before = [trades_seen(one) for one in others]
            memory = process.memory_info().rss
            loop = asyncio.get_running_loop()
            until = loop.time() + 6
            await eventually(lambda: loop.time() > until, within_s=10)
            assert all(trades_seen(one) > count for one, count in zip(others, before, strict=True))
            assert all(one.state.link[ONLY].connected for one in others)
            assert process.memory_info().rss - memory < 30_000_000
            stopped_at = seen.raw
            seen.process.send_signal(signal.SIGCONT)
            await eventually(lambda: seen.raw != stopped_at and seen.shows("feed 2/2"), within_s=20)
            seen.type(b"q")
            assert await seen.ends() == 0


async def test_who_attaches_to_nothing_is_told_what_to_do(tmp_path: Path) -> None:
    async with terminal(tmp_path, "attach", "--demo") as seen:
        assert await seen.ends() == 1
        await eventually(lambda: seen.shows("Not running"))
    without_terminal = await run(tmp_path, "attach", "--demo")
    assert without_terminal.code == UsageError.exit_code
    assert "needs a terminal" in without_terminal.stderr
    refused = await run(tmp_path, "attach", "ftp://nowhere", extra={"TEXTUAL_DRIVER": os.devnull})
    assert (refused.code, refused.stdout) == (2, "")
    assert "write ws://HOST:PORT" in refused.stderr
