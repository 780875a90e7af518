"""Runs the services with no console: says when they are ready, and at the end what they did."""

import asyncio
import os
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Protocol, TextIO

import msgspec

from alphaplus_tui.headless.summary import summarise
from alphaplus_tui.headless.supervisor import Supervisor
from alphaplus_tui.headless.usage import UsageMeter
from alphaplus_tui.session.session import Session
from alphaplus_tui.state.view import ONLY

_SAMPLE_S = 2.0


class Engine(Protocol):
    """What is run: the services behind a session."""

    @property
    def session(self) -> Session: ...

    @property
    def api(self) -> str | None:
        """Where the HTTP API can be asked, once started; None where it is not served."""
        ...

    def overdue(self) -> tuple[str, ...]:
        """Services that are ready and should have beaten by now."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def finished(self) -> None:
        """Returns when a replay has ended and everything is committed; never otherwise."""
        ...


class Ready(msgspec.Struct, frozen=True, tag_field="event", tag="ready"):
    """The first line."""

    api: str | None
    pid: int
    startup_s: float | None
    database: bool
    """Whether it answers already; until it does, everything waits in the spool."""


async def run(
    engine: Engine,
    *,
    duration_s: float | None,
    stop: asyncio.Event,
    out: TextIO,
    supervisor: Supervisor | None = None,
) -> None:
    """Starts ``engine``, runs it until ``stop``, the end of a recording or ``duration_s`` after ready, and stops it.

    ``out`` gets the ready line and, last, the summary; that nobody reads it does no harm.
    supervisor: the service manager that started us, where there is one.
    """
    supervisor = supervisor or Supervisor()
    meter = UsageMeter()
    started = time.monotonic()
    sampler = asyncio.create_task(_sample(meter), name="usage")
    try:
        if await _start(engine, stop):
            system = engine.session.state.system.get(ONLY)
            startup_s = system.startup_s if system else None
            database = engine.session.state.database.get(ONLY)
            connected = database is not None and database.connected
            _say(out, Ready(engine.api, os.getpid(), None if startup_s is None else round(startup_s, 3), connected))
            supervisor.ready("running")
            feeding = asyncio.create_task(supervisor.feed(engine.overdue), name="watchdog")
            try:
                await _wait(engine, duration_s, stop)
            finally:
                await _end({feeding})
    finally:
        supervisor.stopping()
        sampler.cancel()
        usage = await asyncio.to_thread(meter.sample)
        await engine.stop()
    summary = summarise(
        engine.session.state,
        duration_s=time.monotonic() - started,
        peak_memory_mb=meter.peak_memory_mb,
        cpu_seconds=usage.cpu_seconds,
    )
    _say(out, summary)


async def _start(engine: Engine, stop: asyncio.Event) -> bool:
    """Whether the engine is ready; False when it was stopped before."""
    starting = asyncio.create_task(engine.start(), name="start")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return False
        await starting
    finally:
        await _end({starting, stopping})
    return True


async def _wait(engine: Engine, duration_s: float | None, stop: asyncio.Event) -> None:
    ends = {
        asyncio.create_task(stop.wait(), name="stop"),
        asyncio.create_task(engine.finished(), name="finished"),
    }
    try:
        done, _ = await asyncio.wait(ends, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        await _end(ends)


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _sample(meter: UsageMeter) -> None:
    while True:
        await asyncio.to_thread(meter.sample)
        await asyncio.sleep(_SAMPLE_S)


def _say(out: TextIO, line: msgspec.Struct) -> None:
    with suppress(OSError, ValueError):
        out.write(msgspec.json.encode(line).decode() + "\n")
        out.flush()
