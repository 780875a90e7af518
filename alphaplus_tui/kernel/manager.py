"""Starts services in order, keeps them running, and stops them in reverse."""

import asyncio
from collections.abc import Callable, Iterable
from random import Random

import structlog

from alphaplus_tui.errors import TransientError, UnknownName
from alphaplus_tui.kernel.clock import Clock, wait_within
from alphaplus_tui.kernel.order import fellowships, levels
from alphaplus_tui.kernel.restart import RestartHistory, RestartPolicy, after_failure
from alphaplus_tui.kernel.service import Service, ServiceState, ServiceStatus
from alphaplus_tui.kernel.unit import Fellowship, Unit
from alphaplus_tui.kernel.verdict import Verdict, verdict

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
        self._fellowships = tuple(
            Fellowship(tuple(self._units[name] for name in names))
            for names in fellowships({name: by_name[name].uses for name in level_of})
        )
        self._clock, self._policy, self._on_change = clock, policy or RestartPolicy(), on_change
        self._start_within_s, self._stop_within_s = start_within_s, stop_within_s
        self._rng = rng or Random()  # noqa: S311  jitter, not a secret
        self._somebody_failed = asyncio.Event()
        self._lookout: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Returns when each service is ready, has ended for the first time, or is late by ``start_within_s``."""
        if self._lookout is not None:
            raise RuntimeError("a manager starts once")
        self._lookout = asyncio.create_task(self._look(), name="kernel lookout")
        for fellowship in self._fellowships:
            self._launch(fellowship)
        for unit in self._units.values():
            await unit.settled.wait()

    async def stop(self, *, within_s: float | None = None) -> tuple[str, ...]:
        """Stop in reverse order; returns the names of those that ignored it and were abandoned.

        within_s: instead of ``stop_within_s``, where there is no hurry.
        """
        self._stopped = True
        self._stop_within_s = self._stop_within_s if within_s is None else within_s
        guards = [fellowship.guard for fellowship in self._fellowships if fellowship.guard is not None]
        own = [*guards, self._lookout] if self._lookout is not None else guards
        for task in own:
            task.cancel()
        await wait_within(self._clock, own, self._stop_within_s)
        abandoned = await self._halt(self._units.values(), "stopped")
        if abandoned:
            log.error("services_abandoned", services=abandoned, within_s=self._stop_within_s)
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
            await self._dismiss(fellowship, "restarting")
            self._relaunch(fellowship)

    async def stop_one(self, name: str) -> None:
        """Stop it, with those tied to it by ``uses``, until somebody starts it. Raises UnknownName."""
        fellowship = self._fellowship(name)
        async with fellowship.lock:
            await self._dismiss(fellowship, "stopped by hand")

    async def start_one(self, name: str) -> None:
        """Start it, with those tied to it, if it does not run. Raises UnknownName, TransientError as above."""
        fellowship = self._fellowship(name)
        async with fellowship.lock:
            if fellowship.guard is None or fellowship.guard.done():
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
        return next(fellowship for fellowship in self._fellowships if unit in fellowship.units)

    def _relaunch(self, fellowship: Fellowship) -> None:
        stuck = [unit.name for unit in fellowship.units if unit.runs]
        if stuck:
            raise TransientError(f"{', '.join(stuck)}: the old run ignores its cancellation; try again later")
        self._must_run()
        self._launch(fellowship)

    def _must_run(self) -> None:
        if self._lookout is None or self._stopped:
            raise TransientError("the services as a whole are not running: no single one can be started")

    def _launch(self, fellowship: Fellowship) -> None:
        for unit in fellowship.units:
            unit.waits()
        fellowship.guard = asyncio.create_task(self._guard(fellowship), name=f"guard of {fellowship.name}")

    async def _guard(self, fellowship: Fellowship) -> None:
        """Runs a fellowship again and again until trying again cannot help."""
        history = RestartHistory()
        while True:
            unit, end = await self._run_once(fellowship)
            now = self._clock.monotonic()
            good_for_s = unit.good_for_s(now)
            retry = after_failure(self._policy, history, now=now, good_for_s=good_for_s, rng=self._rng)
            history, until = retry.history, now + retry.delay_s
            others = f"{unit.name} ended: {end.reason}"
            if end.fatal:
                unit.enter(ServiceState.FAILED, end.reason)
            elif not unit.runs:
                unit.backs_off(end.reason, until=until)
            if await self._halt([member for member in fellowship.units if member.runs], others) or end.fatal:
                for member in fellowship.units:
                    if not member.runs and member.state is not ServiceState.FAILED:
                        member.enter(ServiceState.STOPPED, others)
                return
            for member in fellowship.units:
                if member.state is not ServiceState.BACKING_OFF:
                    member.backs_off(end.reason if member is unit else others, until=until)
            await self._clock.sleep(until - self._clock.monotonic())
            for member in fellowship.units:
                member.waits()

    async def _run_once(self, fellowship: Fellowship) -> tuple[Unit, Verdict]:
        """The member that ended first, or hangs, and why."""
        hang = fellowship.hang = asyncio.get_running_loop().create_future()
        tasks = {unit.launch(self._live(unit)): unit for unit in fellowship.units}
        done, _ = await asyncio.wait({*tasks, hang}, return_when=asyncio.FIRST_COMPLETED)
        for task, unit in tasks.items():
            if task in done:
                return unit, verdict(task)
        return hang.result()

    async def _live(self, unit: Unit) -> None:
        for name in unit.service.after:
            await self._units[name].settled.wait()
        await unit.service.run(unit.starts(self._clock))

    async def _dismiss(self, fellowship: Fellowship, reason: str) -> None:
        if fellowship.guard is not None:
            fellowship.guard.cancel()
            await wait_within(self._clock, (fellowship.guard,), self._stop_within_s)
        await self._halt(fellowship.units, reason)

    async def _halt(self, units: Iterable[Unit], reason: str) -> tuple[str, ...]:
        """Cancel from the highest level down, each with its share of the time left; names those that ignore it."""
        units = tuple(units)
        deadline = self._clock.monotonic() + self._stop_within_s
        heights = sorted({unit.level for unit in units}, reverse=True)
        for left, height in zip(range(len(heights), 0, -1), heights, strict=True):
            level = [unit for unit in units if unit.level == height]
            tasks = [task for task in map(Unit.cancel, level) if task is not None]
            await wait_within(self._clock, tasks, (deadline - self._clock.monotonic()) / left)
            for unit in level:
                if not unit.runs:
                    unit.stopped(reason)
        for unit in units:
            if unit.runs:
                unit.ignores_its_cancellation()
            else:
                unit.stopped(reason)
        return tuple(unit.name for unit in units if unit.runs)

    async def _look(self) -> None:
        """Notices hangs, and services that are slow to start."""
        looked_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            now = self._clock.monotonic()
            late_s = now - looked_at - LOOK_EVERY_S
            looked_at = now
            for fellowship in self._fellowships:
                for unit in fellowship.units:
                    if late_s > LOOK_EVERY_S:
                        unit.forgive(late_s)
                    self._look_at(fellowship, unit, now)

    def _look_at(self, fellowship: Fellowship, unit: Unit, now: float) -> None:
        work = unit.overrun()
        if work is not None and fellowship.hang is not None and not fellowship.hang.done():
            hang = Verdict(f"no answer within {work.within_s:g} s")
            unit.fails(hang)
            fellowship.hang.set_result((unit, hang))
        if unit.is_late(now, self._start_within_s):
            log.warning("service_slow_to_start", service=unit.name, within_s=self._start_within_s)
            unit.settled.set()

    def _changed(self, unit: Unit) -> None:
        if unit.state is ServiceState.FAILED:
            self._somebody_failed.set()
        if self._on_change is None:
            return
        try:
            self._on_change(unit.status(self._clock.monotonic()))
        except Exception:
            log.exception("on_change_raised", service=unit.name)  # an onlooker's defect must not stop the services
