"""Random defects, wishes and waits: whatever happens, the manager's promises hold."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from structlog.testing import capture_logs

from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.service import ServiceState
from tests.unit.kernel.puppet import Puppet
from tests.unit.kernel.test_manager import House

T = TypeVar("T")
NAMES = st.sampled_from("abcd")
DOWN = {ServiceState.BACKING_OFF, ServiceState.STOPPED, ServiceState.FAILED}


class ManagerMachine(RuleBasedStateMachine):
    """a, then b and d; c uses b."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.puppets = {
            "a": Puppet("a"),
            "b": Puppet("b", after=("a",)),
            "c": Puppet("c", after=("b",), uses=("b",)),
            "d": Puppet("d", after=("a",)),
        }
        self.house = House(*self.puppets.values())
        self.may_fail = set[str]()
        self.wanted = set(self.puppets)

    @initialize()
    def starts(self) -> None:
        self.wait_for(self.house.start())

    @rule(name=NAMES, end=st.sampled_from([ValueError("defect"), asyncio.CancelledError(), StopIteration()]))
    def a_defect_ends_it(self, name: str, end: BaseException) -> None:
        self.puppets[name].raises(end)
        self.settle()

    @rule(name=NAMES)
    def a_fatal_error_ends_it(self, name: str) -> None:
        if self.puppets[name].inside and not self.hanging(name):
            self.may_fail.add(name)
            self.wanted -= self.fellows(name)
            self.puppets[name].raises(ExceptionGroup("gathered", [FatalError("no way")]))
            self.settle()

    @rule(name=NAMES, stubborn=st.booleans())
    def it_hangs(self, name: str, stubborn: bool) -> None:
        puppet = self.puppets[name]
        if puppet.inside and not self.hanging(name) and not self.stubborn(name):
            puppet.stubborn = stubborn
            if stubborn:
                self.may_fail.add(name)
                self.wanted -= self.fellows(name)
            puppet.hangs(within_s=2)
            self.settle()

    @rule(name=NAMES)
    def an_abandoned_one_ends_after_all(self, name: str) -> None:
        if self.house.state(name) is ServiceState.FAILED and self.puppets[name].inside:
            self.puppets[name].gives_in()
            self.settle()
            assert self.puppets[name].inside == 0

    @rule(name=NAMES, at_once=st.booleans())
    def it_will_be_ready(self, name: str, at_once: bool) -> None:
        self.puppets[name].ready_at_once = at_once
        if at_once:
            self.puppets[name].becomes_ready()
            self.settle()

    @rule(delay_s=st.sampled_from([0.05, 0.3, 3.0]))
    def time_passes(self, delay_s: float) -> None:
        self.wait_for(self.house.clock.advance(delay_s))

    @rule()
    def patience_brings_back_all_that_are_wanted(self) -> None:
        self.wait_for(self.house.clock.advance(8 + 31))
        for name in self.wanted:
            assert self.house.state(name) not in DOWN

    @rule(name=NAMES, wish=st.sampled_from(["restart", "start_one", "stop_one"]))
    def somebody_wishes(self, name: str, wish: str) -> None:
        verbs = {
            "restart": self.house.manager.restart,
            "start_one": self.house.manager.start_one,
            "stop_one": self.house.manager.stop_one,
        }
        refused = self.wait_for(self.wish(verbs[wish](name)))
        if refused:
            assert any(self.puppets[fellow].inside for fellow in self.fellows(name))
        elif wish == "stop_one":
            self.wanted -= self.fellows(name)
        elif wish == "restart" or not any(self.stubborn(fellow) for fellow in self.fellows(name)):
            self.wanted |= self.fellows(name)

    @invariant()
    def nobody_runs_twice_and_states_tell_the_truth(self) -> None:
        for name, puppet in self.puppets.items():
            state = self.house.state(name)
            assert puppet.inside <= 1
            if state in {ServiceState.STARTING, ServiceState.RUNNING}:
                assert puppet.inside == 1
            elif state is not ServiceState.FAILED and not self.puppets[name].stubborn:
                assert puppet.inside == 0 or any(self.stubborn(fellow) for fellow in self.fellows(name))
            if state is ServiceState.RUNNING:
                assert puppet.life is not None
                assert puppet.life.ready_at is not None
            if state is ServiceState.FAILED:
                assert name in self.may_fail

    @invariant()
    def what_was_told_last_is_what_is(self) -> None:
        last = {status.name: status.state for status in self.house.seen}
        assert all(self.house.state(name) is state for name, state in last.items())

    @invariant()
    def fellows_are_down_together(self) -> None:
        if not any(self.stubborn(name) for name in "bc"):
            assert (self.house.state("b") in DOWN) == (self.house.state("c") in DOWN)

    @invariant()
    def a_retry_is_never_far(self) -> None:
        for status in self.house.manager.statuses():
            assert (status.next_try_in_s is None) == (status.state is not ServiceState.BACKING_OFF)
            assert (status.next_try_in_s or 0.0) <= 30.0

    def teardown(self) -> None:
        abandoned = self.wait_for(self.house.stop())
        for name, puppet in self.puppets.items():
            assert (puppet.inside == 1) == (name in abandoned)
            if name in abandoned:
                assert name in self.may_fail
                puppet.gives_in()
        self.settle()
        assert asyncio.all_tasks(self.loop) == set()
        self.loop.close()

    def hanging(self, name: str) -> bool:
        return self.puppets[name].hanging

    def stubborn(self, name: str) -> bool:
        return name in self.may_fail and self.puppets[name].inside == 1

    def fellows(self, name: str) -> set[str]:
        return {"b", "c"} if name in "bc" else {name}

    async def wish(self, wish: Awaitable[None]) -> bool:
        """True when it was refused."""
        asking = asyncio.ensure_future(wish)
        await self.house.clock.advance(5)
        await asyncio.wait({asking})
        error = asking.exception()
        assert error is None or isinstance(error, TransientError)
        return error is not None

    def settle(self) -> None:
        self.wait_for(self.house.clock.settle())

    def wait_for(self, what: Coroutine[Any, Any, T]) -> T:
        with capture_logs():
            return self.loop.run_until_complete(what)


ManagerMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestManagerMachine = ManagerMachine.TestCase
