"""What a service is, what it may say of itself, and what others see of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from alphaplus_tui.kernel.clock import Clock


class Service(Protocol):
    """One coroutine under the manager: acquire with ``async with``, call ``life.ready()``, loop.

    Stopping is cancellation. Returning without having been cancelled is a defect.
    """

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> tuple[str, ...]:
        """Orders start and stop, nothing else."""
        ...

    @property
    def uses(self) -> tuple[str, ...]:
        """Restarted and stopped together with these; empty for almost all."""
        ...

    async def run(self, life: "Life") -> None: ...


class ServiceState(StrEnum):
    WAITING = "waiting"
    """For those it comes after."""
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"
    FAILED = "failed"
    """Trying again cannot help; it stays down until somebody starts it by hand."""


class Health(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service as others see it, at one moment."""

    name: str
    state: ServiceState
    health: Health = Health.OK
    reason: str | None = None
    """Why it is degraded, backing off, stopped or failed."""
    restarts: int = 0
    last_error: str | None = None
    started_at: float | None = None
    """When this run began, on the program's monotonic clock; None while it does not run."""
    uptime_s: float = 0.0
    next_try_in_s: float | None = None
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


class Work:
    """One unit of work with a bound; both ``with`` and ``async with``."""

    __slots__ = ("_clock", "_open", "due", "within_s")

    def __init__(self, clock: Clock, open_works: "set[Work]", within_s: float) -> None:
        self._clock, self._open, self.within_s = clock, open_works, within_s
        self.due = 0.0

    def __enter__(self) -> Self:
        self.due = self._clock.monotonic() + self.within_s
        self._open.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.discard(self)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.discard(self)


class Life:
    """One run of a service, seen from inside; a fresh one for each run.

    Without a manager (``Life("name", clock)``) it only remembers what the service said.
    """

    def __init__(self, name: str, clock: Clock, *, on_change: Callable[["Life"], None] | None = None) -> None:
        self.name, self.clock = name, clock
        self.ready_at: float | None = None
        self.health = Health.OK
        self.reason: str | None = None
        self._on_change = on_change
        self._ready = asyncio.Event()
        self._open: set[Work] = set()

    def ready(self) -> None:
        """I can accept work (never: the outside answers)."""
        if self.ready_at is None:
            self.ready_at = self.clock.monotonic()
            self._ready.set()
            self._changed()

    async def wait_ready(self) -> None:
        await self._ready.wait()

    def degraded(self, reason: str) -> None:
        """I run, but something is missing. Saying the same again costs nothing."""
        if (self.health, self.reason) != (Health.DEGRADED, reason):
            self.health, self.reason = Health.DEGRADED, reason
            self._changed()

    def healthy(self) -> None:
        if self.health is not Health.OK:
            self.health, self.reason = Health.OK, None
            self._changed()

    def work(self, within_s: float) -> Work:
        """Surrounds one unit of work: overrunning it is a hang, waiting for input outside of it is not."""
        return Work(self.clock, self._open, within_s)

    def overrun(self) -> Work | None:
        """The work that should have been over by now, the most overdue first."""
        if not self._open:
            return None
        first = min(self._open, key=_due)
        return first if first.due < self.clock.monotonic() else None

    def forgive(self, late_s: float) -> None:
        """The loop itself stood still for ``late_s``: no fault of the work that was open."""
        for work in self._open:
            work.due += late_s

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)


def _due(work: Work) -> float:
    return work.due
