"""The circuit breaker."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alphaplus_tui.errors import CircuitOpen, Disconnected, ProtocolError
from alphaplus_tui.kernel.breaker import Breaker, BreakerState
from tests.fakes.clock import FakeClock


async def works() -> str:
    return "answer"


async def fails() -> str:
    raise Disconnected("gone")


async def answer_of(breaker: Breaker, attempt: Callable[[], Awaitable[str]]) -> object:
    (answer,) = await asyncio.gather(breaker.call(attempt), return_exceptions=True)
    return answer


async def opened(clock: FakeClock, fail_after: int = 1) -> Breaker:
    breaker = Breaker("database", clock=clock, fail_after=fail_after)
    for _ in range(fail_after):
        with pytest.raises(Disconnected):
            await breaker.call(fails)
    return breaker


async def test_what_works_passes_through() -> None:
    breaker = Breaker("database", clock=FakeClock())
    assert await breaker.call(works) == "answer"
    assert (breaker.state, breaker.retry_in_s) == (BreakerState.CLOSED, 0.0)


async def test_failures_in_a_row_open_it_and_then_nobody_tries() -> None:
    clock = FakeClock()
    breaker = await opened(clock, fail_after=3)
    assert breaker.state is BreakerState.OPEN
    await clock.advance(0.4)
    with pytest.raises(CircuitOpen, match=r"database: too many failures, next try in 0\.6 s") as caught:
        await breaker.call(works)
    assert caught.value.retry_in_s == pytest.approx(0.6)


async def test_one_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker("database", clock=FakeClock(), fail_after=2)
    for attempt in (fails, works, fails):
        await answer_of(breaker, attempt)
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 1)


async def test_after_the_wait_one_tries_for_all_and_success_closes_it() -> None:
    clock, changes = FakeClock(), list[BreakerState]()
    breaker = Breaker("x", clock=clock, fail_after=1, on_change=changes.append)
    with pytest.raises(Disconnected):
        await breaker.call(fails)
    await clock.advance(1.0)
    assert breaker.state is BreakerState.HALF_OPEN
    async with breaker:
        assert breaker.state is BreakerState.HALF_OPEN
        others = await asyncio.gather(breaker.call(works), breaker.call(works), return_exceptions=True)
        assert [type(other) for other in others] == [CircuitOpen, CircuitOpen]
    assert breaker.state is BreakerState.CLOSED
    assert changes == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


async def test_each_failed_trial_makes_the_wait_longer_up_to_a_bound_and_success_resets_it() -> None:
    clock = FakeClock()
    breaker = await opened(clock)
    waits = list[float]()
    for _ in range(7):
        waits.append(breaker.retry_in_s)
        await clock.advance(breaker.retry_in_s)
        with pytest.raises(Disconnected):
            await breaker.call(fails)
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30])
    await clock.advance(30)
    await breaker.call(works)
    with pytest.raises(Disconnected):
        await breaker.call(fails)
    assert breaker.retry_in_s == pytest.approx(1)


async def test_errors_that_say_nothing_about_the_other_side_do_not_count() -> None:
    breaker = Breaker("x", clock=FakeClock(), fail_after=1)
    with pytest.raises(ProtocolError):
        async with breaker:
            raise ProtocolError("asked wrongly")
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 0)


async def test_a_cancelled_trial_leaves_the_trial_to_the_next() -> None:
    clock = FakeClock()
    breaker = await opened(clock)
    await clock.advance(1)
    trial = asyncio.create_task(breaker.call(asyncio.Event().wait))
    await clock.settle()
    trial.cancel()
    await asyncio.wait({trial})
    assert breaker.state is BreakerState.HALF_OPEN
    assert await breaker.call(works) == "answer"


async def test_one_that_began_before_it_opened_decides_nothing() -> None:
    clock = FakeClock()
    breaker, gate = Breaker("x", clock=clock, fail_after=1), asyncio.Event()
    early = asyncio.create_task(breaker.call(gate.wait))
    await clock.settle()
    with pytest.raises(Disconnected):
        await breaker.call(fails)
    gate.set()
    await early
    assert breaker.state is BreakerState.OPEN


class BreakerMachine(RuleBasedStateMachine):
    """Random answers and waits, next to a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.breaker = Breaker("x", clock=self.clock, fail_after=3, open_for_s=1, longest_open_s=5)
        self.in_a_row, self.open_until, self.wait_s = 0, 0.0, 1.0
        self.is_open = False

    @rule(ok=st.booleans())
    def tries(self, ok: bool) -> None:
        may = not self.is_open or self.clock.monotonic() >= self.open_until
        answer = self.loop.run_until_complete(answer_of(self.breaker, works if ok else fails))
        if not may:
            assert isinstance(answer, CircuitOpen)
            assert answer.retry_in_s == pytest.approx(self.open_until - self.clock.monotonic())
        elif ok:
            assert answer == "answer"
            self.in_a_row, self.is_open, self.wait_s = 0, False, 1.0
        else:
            assert isinstance(answer, Disconnected)
            self.in_a_row += 1
            if self.is_open:
                self.wait_s = min(5.0, self.wait_s * 2)
            if self.is_open or self.in_a_row == 3:
                self.is_open, self.open_until = True, self.clock.monotonic() + self.wait_s

    @precondition(lambda self: self.is_open)
    @rule(share=st.sampled_from([0.3, 1.0]))
    def waits(self, share: float) -> None:
        self.loop.run_until_complete(self.clock.advance(share * self.breaker.retry_in_s))

    @invariant()
    def the_state_is_the_models(self) -> None:
        waiting = self.clock.monotonic() < self.open_until
        expected = BreakerState.OPEN if waiting else BreakerState.HALF_OPEN
        assert self.breaker.state is (expected if self.is_open else BreakerState.CLOSED)
        assert self.breaker.failures == self.in_a_row

    def teardown(self) -> None:
        self.loop.close()


TestBreakerMachine = BreakerMachine.TestCase
