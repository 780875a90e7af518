"""Services tied by ``uses``, mostly one: they run, end and are started anew together."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

import structlog

from alphaplus_tui.kernel.clock import Clock, wait_within
from alphaplus_tui.kernel.restart import RestartHistory, RestartPolicy, after_failure
from alphaplus_tui.kernel.service import ServiceState
from alphaplus_tui.kernel.unit import Unit
from alphaplus_tui.kernel.verdict import Verdict, verdict

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What all fellowships of a manager keep to."""

    clock: Clock
    policy: RestartPolicy
    rng: Random
    start_within_s: float
    stop_within_s: float


class Fellowship:
    """Guards its members: whatever ends or hangs is tried again, until trying again cannot help."""

    def __init__(self, members: Iterable[Unit], everybody: Mapping[str, Unit], rules: Rules) -> None:
        """everybody: the units of all services, by name; members start after some of them."""
        self.members = tuple(members)
        self.lock = asyncio.Lock()
        """One wish of the user at a time."""
        self.guard: asyncio.Task[None] | None = None
        self._everybody, self._rules, self._clock = everybody, rules, rules.clock
        self._hang: asyncio.Future[tuple[Unit, Verdict]] | None = None
        """Resolved with the member that overran its work."""

    @property
    def is_guarded(self) -> bool:
        return self.guard is not None and not self.guard.done()

    def launch(self) -> None:
        for member in self.members:
            member.waits()
        name = "+".join(member.name for member in self.members)
        self.guard = asyncio.create_task(self._guard(), name=f"guard of {name}")

    async def dismiss(self, reason: str) -> None:
        """Stop the members, and try no more."""
        if self.guard is not None:
            self.guard.cancel()
            await wait_within(self._clock, (self.guard,), self._rules.stop_within_s)
        await halt(self.members, reason, clock=self._clock, within_s=self._rules.stop_within_s)

    def look(self, now: float, late_s: float) -> None:
        """Notice a hang, and members that are slow to start; a loop that was itself late by ``late_s`` forgives it."""
        for member in self.members:
            if late_s:
                member.forgive(late_s)
            work = member.overrun()
            if work is not None and self._hang is not None and not self._hang.done():
                hang = Verdict(f"no answer within {work.within_s:g} s")
                member.fails(hang)
                self._hang.set_result((member, hang))
            if member.is_late(now, self._rules.start_within_s):
                log.warning("service_slow_to_start", service=member.name, within_s=self._rules.start_within_s)
                member.settled.set()

    async def _guard(self) -> None:
        """Runs them again and again until trying again cannot help."""
        history, rules = RestartHistory(), self._rules
        while True:
            first, end = await self._run_once()
            now = self._clock.monotonic()
            retry = after_failure(rules.policy, history, now=now, good_for_s=first.good_for_s(now), rng=rules.rng)
            history, until = retry.history, now + retry.delay_s
            others = f"{first.name} ended: {end.reason}"
            if end.fatal:
                first.enter(ServiceState.FAILED, end.reason)
            elif not first.runs:
                first.backs_off(end.reason, until=until)
            running = [member for member in self.members if member.runs]
            if await halt(running, others, clock=self._clock, within_s=rules.stop_within_s) or end.fatal:
                for member in self.members:
                    if not member.runs and member.state is not ServiceState.FAILED:
                        member.enter(ServiceState.STOPPED, others)
                return
            for member in self.members:
                if member.state is not ServiceState.BACKING_OFF:
                    member.backs_off(end.reason if member is first else others, until=until)
            await self._clock.sleep(until - self._clock.monotonic())
            for member in self.members:
                member.waits()

    async def _run_once(self) -> tuple[Unit, Verdict]:
        """The member that ended first, or hangs, and why."""
        hang = self._hang = asyncio.get_running_loop().create_future()
        tasks = {member.launch(self._live(member)): member for member in self.members}
        done, _ = await asyncio.wait({*tasks, hang}, return_when=asyncio.FIRST_COMPLETED)
        for task, member in tasks.items():
            if task in done:
                return member, verdict(task)
        return hang.result()

    async def _live(self, member: Unit) -> None:
        for name in member.service.after:
            await self._everybody[name].settled.wait()
        await member.service.run(member.starts(self._clock))


async def halt(units: Iterable[Unit], reason: str, *, clock: Clock, within_s: float) -> tuple[str, ...]:
    """Cancel from the highest level down, each with its share of the time left; names those that ignore it."""
    units = tuple(units)
    deadline = clock.monotonic() + within_s
    heights = sorted({unit.level for unit in units}, reverse=True)
    for left, height in zip(range(len(heights), 0, -1), heights, strict=True):
        level = [unit for unit in units if unit.level == height]
        tasks = [task for task in map(Unit.cancel, level) if task is not None]
        await wait_within(clock, tasks, (deadline - clock.monotonic()) / left)
        for unit in level:
            if not unit.runs:
                unit.stopped(reason)
    for unit in units:
        if unit.runs:
            unit.ignores_its_cancellation()
        else:
            unit.stopped(reason)
    return tuple(unit.name for unit in units if unit.runs)
