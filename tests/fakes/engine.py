"""An engine without services: what faces are tried on."""

import asyncio
import time
from typing import TypeVar

from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.session.commands import Accepted, Command, Reply
from alphaplus_tui.session.queries import Query
from alphaplus_tui.state.slices import Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY

A = TypeVar("A")


class FakeSession:
    """A state to write into; every wish is accepted and remembered."""

    def __init__(self) -> None:
        self.state = StateStore()
        self.sent: list[Command] = []

    async def send(self, command: Command) -> Reply:
        self.sent.append(command)
        return Accepted()

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        raise StoreUnavailable(f"nothing is stored that answers {query!r} within {deadline_s} s")


class FakeEngine:
    """Starts at once unless ``hangs``; ``fails`` is raised by ``start``; a replay ends when ``end`` is set."""

    def __init__(self, *, hangs: bool = False, fails: Exception | None = None) -> None:
        self.session = FakeSession()
        self.api: str | None = None
        self.end = asyncio.Event()
        self.calls: list[str] = []
        self._hangs, self._fails = hangs, fails
        self.late: tuple[str, ...] = ()
        """What ``overdue`` says."""

    def overdue(self) -> tuple[str, ...]:
        return self.late

    async def start(self) -> None:
        self.calls.append("start")
        if self._hangs:
            await asyncio.Event().wait()
        if self._fails:
            raise self._fails
        row = SystemRow(
            mode=Mode.DEMO,
            version="1.2.3",
            exchange="demo",
            started_at=time.time_ns(),
            startup_s=0.25,
            market_now=0,
            clock_offset_ms=0.0,
        )
        self.session.state.system.put(ONLY, row)

    async def stop(self) -> None:
        if "stop" not in self.calls:
            self.calls.append("stop")

    async def finished(self) -> None:
        await self.end.wait()
