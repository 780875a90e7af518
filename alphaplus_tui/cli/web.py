"""``alphaplus web``: the console in a browser, on the running engine or on one started for it."""

# ruff: noqa: PLC0415  the web server is imported when it is wanted

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.cli.found import NotRunning, find_running, running_engine
from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import Stop
from alphaplus_tui.errors import EXIT_FAILURE, AlphaPlusError, DeadlineExceeded, UsageError
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.settings.addresses import is_loopback

if TYPE_CHECKING:
    from alphaplus_tui.web.server import WebServer

_READY_WITHIN_S = 120.0
_STOPS_WITHIN_S = 10.0


class EngineEnded(AlphaPlusError):
    title = "The engine ended"


class Served(NamedTuple):
    """What was asked for."""

    host: str
    port: int
    allow_remote: bool
    allowed_hosts: Collection[str]
    tabs: int
    as_json: bool


def run_web(wishes: Wishes, served: Served) -> None:
    """Serves until SIGINT or SIGTERM."""
    if not is_loopback(served.host) and not served.allow_remote:
        raise UsageError(
            f"--host {served.host}: other machines could reach it; say --allow-remote as well, "
            "or listen on 127.0.0.1 and come through a tunnel"
        )
    loaded = wishes.load()
    check_console_settings(loaded)
    settings = loaded.settings
    with Logs(level=settings.logging.level, to_stderr=True):
        raise SystemExit(asyncio.run(_serve(wishes, served)))


async def _serve(wishes: Wishes, served: Served) -> int:
    from alphaplus_tui.web.server import WebServer

    stop = Stop()
    stop.listen()
    data = _data_of(wishes)
    command = [*_program(), "attach", *_passed_on(wishes, data)]
    server = WebServer(command, host=served.host, port=served.port, names=served.allowed_hosts, most_tabs=served.tabs)
    async with server, _engine(wishes, data, stop) as engine:
        if not stop.event.is_set():
            ends = [asyncio.create_task(stop.event.wait()), asyncio.create_task(_tell_links(server, served))]
            if engine is not None:
                ends.append(asyncio.create_task(_until_it_ends(engine)))
            try:
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in ends:
                    task.cancel()
                await asyncio.wait(ends)
    return stop.code or EXIT_FAILURE


async def _tell_links(server: WebServer, served: Served) -> bool:
    """Each link lets one browser in; the next one is told when it did."""
    if not is_loopback(served.host):
        say("the pages travel unencrypted; put a proxy with TLS in front, or use a tunnel")
    while True:
        server.link_is_new.clear()
        if served.as_json:
            typer.echo(json.dumps({"event": "link", "url": server.url, "link": server.link}))
        else:
            typer.echo(f"Open {server.link}")
        sys.stdout.flush()
        await server.link_is_new.wait()


def _data_of(wishes: Wishes) -> Path:
    """The folder of the engine that runs, or of the one to start."""
    with suppress(NotRunning):
        return find_running(wishes)[0]
    return wishes.paths(wishes.load()).data


@asynccontextmanager
async def _engine(wishes: Wishes, data: Path, stop: Stop) -> AsyncGenerator[Process | None]:
    """None where one runs already; else one of our own, which ends with us."""
    if await asyncio.to_thread(running_engine, data) is not None:
        yield None
        return
    process = await asyncio.create_subprocess_exec(
        *_program(), "--headless", *_passed_on(wishes, wishes.data_dir), stdout=PIPE, start_new_session=True
    )
    try:
        await _until_ready(process, stop)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOPS_WITHIN_S):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_ready(process: Process, stop: Stop) -> None:
    assert process.stdout is not None
    reading = asyncio.ensure_future(process.stdout.readline())
    stopping = asyncio.ensure_future(stop.event.wait())
    await asyncio.wait({reading, stopping}, timeout=_READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not reading.done():
        reading.cancel()
        await asyncio.wait({reading})
        if not stop.event.is_set():
            raise DeadlineExceeded(f"the engine was not ready within {_READY_WITHIN_S:g} s")
    elif not reading.result() and not stop.event.is_set():
        raise EngineEnded("it could not be started; its own words are above")


async def _until_it_ends(process: Process) -> bool:
    code = await process.wait()
    raise EngineEnded(f"the engine that was started for the browser ended with code {code}")


def _program() -> list[str]:
    return [sys.executable, "-m", "alphaplus_tui"]


def _passed_on(wishes: Wishes, data: Path | None) -> list[str]:
    """The options of every command, for a program that we start."""
    said: list[str] = []
    if wishes.config is not None:
        said += ["--config", str(wishes.config)]
    if data is not None:
        said += ["--data-dir", str(data)]
    if wishes.demo:
        said.append("--demo")
    if wishes.log_level is not None:
        said += ["--log-level", wishes.log_level]
    return said
