"""Runs an engine with a face on it: the console, or headless; live, demo or replay."""

# ruff: noqa: PLC0415  a face is imported when it is put on: headless never imports the console

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from alphaplus_tui.cli import collector
from alphaplus_tui.cli.api import Api
from alphaplus_tui.cli.attach import attach_instead
from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import Stop, end_within
from alphaplus_tui.cli.tty import check_terminal
from alphaplus_tui.errors import EXIT_OK, UsageError
from alphaplus_tui.headless.supervisor import Supervisor
from alphaplus_tui.logs.redaction import secret_parts
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.settings.api_token import ensure_token
from alphaplus_tui.settings.engine_lock import EngineInfo, EngineLock, acquire

if TYPE_CHECKING:
    from pydantic import SecretStr

    from alphaplus_tui.runtime.engine import Engine
    from alphaplus_tui.runtime.options import ReplayOptions
    from alphaplus_tui.session.session import Session
    from alphaplus_tui.settings.paths import Paths
    from alphaplus_tui.settings.root import Loaded, Settings

_REPLAYED = ("binance", "binanceusdm", "demo")
"""Whose frames are read of recordings that do not say it; ours do."""
_WAIT_FOR_COMMAND_S = 10.0
_INTERPRETER_ENDS_WITHIN_S = 1.5

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

Face = Callable[["Running", Stop], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Running:
    """One run of an engine; what a face holds on to."""

    wishes: Wishes
    settings: Settings
    paths: Paths
    lock: EngineLock
    engine: Engine
    http: Api
    supervisor: Supervisor

    @property
    def session(self) -> Session:
        return self.engine.session

    @property
    def api(self) -> str | None:
        return self.http.url

    async def prepare(self) -> None:
        await self.engine.prepare()

    async def start(self) -> None:
        self.lock.publish(control_socket=self.paths.control_socket)
        self.http.begin()
        await self.engine.start()
        self.lock.publish(database_socket=self.engine.database_socket, api=await self.http.opened())
        collector.started()

    async def stop(self) -> None:
        await asyncio.gather(self.http.close(), self.engine.stop())

    def overdue(self) -> tuple[str, ...]:
        return self.engine.overdue()

    async def finished(self) -> None:
        await self.engine.finished()


def run_engine(wishes: Wishes) -> None:
    """The console, or headless when that was said."""
    loaded = wishes.load()
    if not wishes.headless:
        check_console_settings(loaded)
    if not wishes.headless and wishes.duration_s is not None:
        raise UsageError("--duration belongs to --headless")
    _run(wishes, loaded, wishes.paths(loaded), None)


def run_replay(
    wishes: Wishes, files: Sequence[Path], *, exchange: str, speed: str, headless: bool, duration_s: float | None
) -> None:
    """Plays recordings, in the console or headless."""
    from alphaplus_tui.exchanges.recording import BrokenRecording, check_recording
    from alphaplus_tui.runtime.options import replay_options

    wishes = replace(
        wishes, headless=headless or wishes.headless, duration_s=wishes.duration_s if duration_s is None else duration_s
    )
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file}: there is no such recording")
        try:
            check_recording(file)
        except BrokenRecording as error:
            raise UsageError(f"{file}: {error}; `alphaplus record` writes what can be played") from None
    if exchange not in _REPLAYED:
        raise UsageError(
            f"--exchange {exchange!r}: a recording that does not say whose it is can be of {', '.join(_REPLAYED)}"
        )
    loaded = wishes.load()
    if not wishes.headless:
        check_console_settings(loaded)
    options = replay_options(files, exchange=exchange, speed=_speed(speed))
    _run(wishes, loaded, wishes.paths(loaded, "replay"), options)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"--speed {text!r}: must be a number above 0, or max")
    return speed


def _run(wishes: Wishes, loaded: Loaded, paths: Paths, replay: ReplayOptions | None) -> None:
    supervisor = Supervisor.of_environment(os.environ)  # before anything else is started
    collector.starting()
    if not wishes.headless:
        check_terminal()
    paths.prepare()
    if not wishes.headless and replay is None:
        attach_instead(loaded.settings, paths.data)
    settings = loaded.settings
    with acquire(paths.data, wait_for_command_s=_WAIT_FOR_COMMAND_S, on_wait=_say_waiting) as lock:
        token = ensure_token(paths.api_token) if settings.api.serves(headless=wishes.headless) else None
        addresses = wishes.addresses(loaded)
        with _logs(settings, paths, token, addresses, to_stderr=wishes.headless):
            from alphaplus_tui.runtime.build import build_engine

            engine = build_engine(settings, paths, replay=replay, started_at=wishes.started_at, addresses=addresses)
            http = Api(engine.session, settings.api, token)
            running = Running(wishes, settings, paths, lock, engine, http, supervisor)
            code = asyncio.run(_main(running, _headless if wishes.headless else _console))
    end_within(_INTERPRETER_ENDS_WITHIN_S, code)
    raise SystemExit(code)


async def _main(running: Running, face: Face) -> int:
    from alphaplus_tui.remote.server import ControlServer

    stop = Stop()
    stop.listen()
    async with ControlServer(running.session, running.paths.control_socket):
        try:
            code = await face(running, stop)
        except Exception:
            log.exception("engine_failed")
            raise
        finally:
            await running.stop()
    return stop.code or code


async def _headless(running: Running, stop: Stop) -> int:
    from alphaplus_tui.headless.runner import run

    await run(
        running,
        duration_s=running.wishes.duration_s,
        stop=stop.event,
        out=sys.stdout,
        supervisor=running.supervisor,
    )
    return EXIT_OK


async def _console(running: Running, stop: Stop) -> int:
    await running.prepare()  # another process begins while this one imports the console
    from alphaplus_tui.cli.console import run

    return await run(running, stop)


def _logs(
    settings: Settings, paths: Paths, token: str | None, addresses: Mapping[str, SecretStr], *, to_stderr: bool
) -> Logs:
    password = settings.database.password
    secrets = [part for url in addresses.values() for part in secret_parts(url.get_secret_value())]
    return Logs(
        level=settings.logging.level,
        file=paths.log_file,
        max_mb=settings.logging.max_mb,
        to_stderr=to_stderr,
        secrets=[
            *secrets,
            *([password.get_secret_value()] if password else []),
            *([token] if token else []),
        ],
    )


def _say_waiting(holder: EngineInfo) -> None:
    say(f"waiting up to {_WAIT_FOR_COMMAND_S:g} s for {holder}")
