"""Starts services in order, keeps them running, and stops them in reverse."""

import asyncio
from collections.abc import Callable, Iterable
from random import Random

import structlog

from alphaplus_tui.errors import TransientError, UnknownName
from alphaplus_tui.kernel.clock import Clock, wait_within
from alphaplus_tui.kernel.fellowship import Fellowship, Rules, halt
from alphaplus_tui.kernel.order import fellowships, levels
from alphaplus_tui.kernel.restart import RestartPolicy
from alphaplus_tui.kernel.service import Service, ServiceState, ServiceStatus
from alphaplus_tui.kernel.unit import Unit

LOOK_EVERY_S = 0.25
"""How often open work and slow starts are looked at: a hang is noticed so late at most."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class ServiceManager:
    """One dead service never takes the others with it, and never ends the process."""

    def __init__(
        self,
        services: Iterable[Service],
        *,
        clock: Clock,
        policy: RestartPolicy | None = None,
        start_within_s: float = 10.0,
        stop_within_s: float = 5.0,
        on_change: Callable[[ServiceStatus], None] | None = None,
        rng: Random | None = None,
    ) -> None:
        """Raises FatalError for two of one name or a cycle in ``after``, UnknownName for an unknown name.

        start_within_s: after that, those who come after a service start without it being ready.
        stop_within_s: for all of them together; what still runs then is abandoned.
        on_change: told each change of a service's state or health.
        """
        services = tuple(services)
        level_of = levels(services)
        by_name = {service.name: service for service in services}
        self._units = {name: Unit(by_name[name], level, self._changed) for name, level in level_of.items()}
        self._clock, self._on_change, self._stop_within_s = clock, on_change, stop_within_s
        jitter = rng or Random()  # noqa: S311  not a secret
        rules = Rules(clock, policy or RestartPolicy(), jitter, start_within_s, stop_within_s)
        self._fellowships = tuple(
            Fellowship((self._units[name] for name in names), self._units, rules)
            for names in fellowships({name: by_name[name].uses for name in level_of})
        )
        self._somebody_failed = asyncio.Event()
        self._lookout: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Returns when each service is ready, has ended for the first time, or is late by ``start_within_s``."""
        if self._lookout is not None:
            raise RuntimeError("a manager starts once")
        self._lookout = asyncio.create_task(self._look(), name="kernel lookout")
        for fellowship in self._fellowships:
            fellowship.launch()
        for unit in self._units.values():
            await unit.settled.wait()

    async def stop(self, *, within_s: float | None = None) -> tuple[str, ...]:
        """Stop in reverse order; returns the names of those that ignored it and were abandoned.

        within_s: instead of ``stop_within_s``, where there is no hurry.
        """
        self._stopped = True
        within_s = self._stop_within_s if within_s is None else within_s
        guards = [fellowship.guard for fellowship in self._fellowships if fellowship.guard is not None]
        own = [*guards, self._lookout] if self._lookout is not None else guards
        for task in own:
            task.cancel()
        await wait_within(self._clock, own, within_s)
        abandoned = await halt(self._units.values(), "stopped", clock=self._clock, within_s=within_s)
        if abandoned:
            log.error("services_abandoned", services=abandoned, within_s=within_s)
        return abandoned

    def overdue(self) -> tuple[str, ...]:
        """Names of services that run and should have been done with their work by now; empty when all have beaten.

        Those that are starting, backing off or stopped owe nothing.
        """
        return tuple(unit.name for unit in self._units.values() if unit.overrun() is not None)

    def statuses(self) -> tuple[ServiceStatus, ...]:
        """In the order of start."""
        now = self._clock.monotonic()
        return tuple(unit.status(now) for unit in self._units.values())

    def status(self, name: str) -> ServiceStatus:
        return self._unit(name).status(self._clock.monotonic())

    async def restart(self, name: str) -> None:
        """Stop it and start it anew, with those tied to it by ``uses``; forgets its failures.

        Raises UnknownName, and TransientError when the old run does not end.
        """
        fellowship = self._fellowship(name)
        async with fellowship.lock:
            self._must_run()
            await fellowship.dismiss("restarting")
            self._relaunch(fellowship)

    async def stop_one(self, name: str) -> None:
        """Stop it, with those tied to it by ``uses``, until somebody starts it. Raises UnknownName."""
        fellowship = self._fellowship(name)
        async with fellowship.lock:
            await fellowship.dismiss("stopped by hand")

    async def start_one(self, name: str) -> None:
        """Start it, with those tied to it, if it does not run. Raises UnknownName, TransientError as above."""
        fellowship = self._fellowship(name)
        async with fellowship.lock:
            if not fellowship.is_guarded:
                self._relaunch(fellowship)

    async def wait_failed(self) -> ServiceStatus:
        """The first service, in the order of start, that is FAILED; waits until there is one."""
        while True:
            for status in self.statuses():
                if status.state is ServiceState.FAILED:
                    return status
            self._somebody_failed.clear()
            await self._somebody_failed.wait()

    def _unit(self, name: str) -> Unit:
        if name not in self._units:
            raise UnknownName("service", name, self._units)
        return self._units[name]

    def _fellowship(self, name: str) -> Fellowship:
        unit = self._unit(name)
        return next(fellowship for fellowship in self._fellowships if unit in fellowship.members)

    def _relaunch(self, fellowship: Fellowship) -> None:
        stuck = [unit.name for unit in fellowship.members if unit.runs]
        if stuck:
            raise TransientError(f"{', '.join(stuck)}: the old run ignores its cancellation; try again later")
        self._must_run()
        fellowship.launch()

    def _must_run(self) -> None:
        if self._lookout is None or self._stopped:
            raise TransientError("the services as a whole are not running: no single one can be started")

    async def _look(self) -> None:
        """Notices hangs, and services that are slow to start."""
        looked_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            now = self._clock.monotonic()
            late_s = now - looked_at - LOOK_EVERY_S
            looked_at = now
            for fellowship in self._fellowships:
                fellowship.look(now, late_s if late_s > LOOK_EVERY_S else 0.0)

    def _changed(self, unit: Unit) -> None:
        if unit.state is ServiceState.FAILED:
            self._somebody_failed.set()
        if self._on_change is None:
            return
        try:
            self._on_change(unit.status(self._clock.monotonic()))
        except Exception:
            log.exception("on_change_raised", service=unit.name)  # an onlooker's defect must not stop the services
