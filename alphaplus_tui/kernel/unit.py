"""One service as the manager keeps it: its task, its state, and what is remembered of it."""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.kernel.service import Health, Life, Service, ServiceState, ServiceStatus, Work
from alphaplus_tui.kernel.verdict import Verdict, verdict

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Unit:
    """Changes its state and says so; decides nothing."""

    def __init__(self, service: Service, level: int, on_change: Callable[["Unit"], None]) -> None:
        self.service, self.name, self.level = service, service.name, level
        self.state = ServiceState.WAITING
        self.last_error: str | None = None
        self.settled = asyncio.Event()
        """Ready, ended or late: those who come after it need wait no longer."""
        self._on_change = on_change
        self._reason: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._life: Life | None = None
        self._health = Health.OK
        self._asked_to_end = False
        self._hang: str | None = None
        self._launches = 0
        self._started_at: float | None = None
        self._next_try_at: float | None = None

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    def status(self, now: float) -> ServiceStatus:
        runs, life = self.runs, self._life
        return ServiceStatus(
            name=self.name,
            state=self.state,
            health=life.health if runs and life else Health.OK,
            reason=self._reason or (life.reason if runs and life else None),
            restarts=max(0, self._launches - 1),
            last_error=self.last_error,
            started_at=self._started_at if runs else None,
            uptime_s=now - self._started_at if runs and self._started_at is not None else 0.0,
            next_try_in_s=None if self._next_try_at is None else max(0.0, self._next_try_at - now),
            after=self.service.after,
            uses=self.service.uses,
        )

    def enter(self, state: ServiceState, reason: str | None = None, *, next_try_at: float | None = None) -> None:
        self.state, self._reason, self._next_try_at = state, reason, next_try_at
        if state not in (ServiceState.WAITING, ServiceState.STARTING):
            self.settled.set()
        log.info("service_state", service=self.name, state=state.value, reason=reason)
        self._on_change(self)

    def waits(self) -> None:
        self.settled.clear()
        self.enter(ServiceState.WAITING)

    def launch(self, run: Coroutine[None, None, None]) -> asyncio.Task[None]:
        self._life, self._started_at, self._health = None, None, Health.OK
        self._asked_to_end, self._hang = False, None
        self._launches += 1
        self._task = asyncio.create_task(run, name=self.name)
        self._task.add_done_callback(self._ended)
        return self._task

    def starts(self, clock: Clock) -> Life:
        self._life = Life(self.name, clock, on_change=self._said)
        self._started_at = clock.monotonic()
        self.enter(ServiceState.STARTING)
        return self._life

    def backs_off(self, reason: str, *, until: float) -> None:
        self.enter(ServiceState.BACKING_OFF, reason, next_try_at=until)

    def stopped(self, reason: str) -> None:
        """One that is down already, for good or by hand, stays as it is."""
        if self.state not in (ServiceState.STOPPED, ServiceState.FAILED):
            self.enter(ServiceState.STOPPED, reason)

    def cancel(self) -> asyncio.Task[None] | None:
        """The task that is to end; cancelled only once, so that its clean-up is left in peace."""
        if not self.runs or self._task is None:
            return None
        if not self._asked_to_end:
            self._asked_to_end = True
            self._task.cancel()
        return self._task

    def fails(self, end: Verdict) -> None:
        """Nobody had asked for this end, or it hangs."""
        self.last_error = end.reason
        self._hang = end.reason if self.runs else None
        log.error("service_ended", service=self.name, reason=end.reason, exc_info=end.error)

    def ignores_its_cancellation(self) -> None:
        why = f"{self._hang}, and ignores" if self._hang else "ignores"
        self.enter(ServiceState.FAILED, f"{why} its cancellation")

    def good_for_s(self, now: float) -> float:
        """How long this run has been ready."""
        ready_at = self._life.ready_at if self._life is not None else None
        return 0.0 if ready_at is None else now - ready_at

    def is_late(self, now: float, within_s: float) -> bool:
        """Still not ready ``within_s`` after its start."""
        if self.settled.is_set() or self._started_at is None:
            return False
        return now - self._started_at >= within_s

    def overrun(self) -> Work | None:
        return self._life.overrun() if self.runs and self._life is not None else None

    def forgive(self, late_s: float) -> None:
        if self._life is not None:
            self._life.forgive(late_s)

    def _said(self, life: Life) -> None:
        """The service is ready, or its health changed; what is left of an earlier run is not heard."""
        if life is not self._life:
            return
        if self.state is ServiceState.STARTING and life.ready_at is not None:
            self.enter(ServiceState.RUNNING)
            return
        if life.health is not self._health:
            self._health = life.health
            write = log.warning if life.health is Health.DEGRADED else log.info
            write("service_health", service=self.name, health=life.health.value, reason=life.reason)
        self._on_change(self)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Looks at every end, so that no error goes unseen: also of one that ends with another, or was abandoned."""
        end = verdict(task)
        if not self._asked_to_end:
            self.fails(end)
        elif end.error is not None:
            log.warning("service_failed_while_stopping", service=self.name, reason=end.reason)
