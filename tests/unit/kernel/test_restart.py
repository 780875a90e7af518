"""The restart policy: pure, so that any history can be tried."""

from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alphaplus_tui.kernel.restart import RestartHistory, RestartPolicy, after_failure

POLICY = RestartPolicy()


def delays_of(gaps_s: list[float], *, good_for_s: float = 0.0) -> list[float]:
    """The delays after failures that follow one another by ``gaps_s``, always drawing the longest."""

    class Longest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    history, now, delays = RestartHistory(), 0.0, list[float]()
    for gap_s in gaps_s:
        now += gap_s
        retry = after_failure(POLICY, history, now=now, good_for_s=good_for_s, rng=Longest())
        history = retry.history
        delays.append(retry.delay_s)
    return delays


def test_the_bound_of_the_delay_doubles_and_the_fifth_failure_within_a_minute_makes_retries_slow() -> None:
    assert delays_of([1.0] * 6) == [0.1, 0.2, 0.4, 0.8, 30.0, 30.0]


def test_failures_far_apart_grow_the_delay_but_are_no_storm() -> None:
    assert delays_of([59.0] * 10) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]


def test_being_ready_for_a_moment_forgets_nothing() -> None:
    assert delays_of([1.0] * 5, good_for_s=59.9)[-1] == 30.0


def test_a_stretch_of_good_running_forgets_all() -> None:
    assert delays_of([61.0] * 7, good_for_s=60.0) == [0.1] * 7


class PolicyMachine(RuleBasedStateMachine):
    """Random failures and recoveries, next to a plain model of what the policy promises."""

    def __init__(self) -> None:
        super().__init__()
        self.history, self.now, self.failures = RestartHistory(), 0.0, list[float]()
        self.delay_s, self.was_slow, self.bound_s = 0.0, False, POLICY.first_delay_s

    @rule(ran_s=st.floats(0, 200), ready_after_s=st.floats(0, 200), seed=st.integers())
    def fails(self, ran_s: float, ready_after_s: float, seed: int) -> None:
        self.now += self.delay_s + ran_s
        good_for_s = max(0.0, ran_s - ready_after_s)
        if good_for_s >= POLICY.stable_after_s:
            self.failures, self.was_slow = [], False
        self.failures.append(self.now)
        retry = after_failure(POLICY, self.history, now=self.now, good_for_s=good_for_s, rng=Random(seed))
        self.history, self.delay_s = retry.history, retry.delay_s
        storm = sum(self.now - moment < POLICY.intensity_window_s for moment in self.failures)
        self.was_slow = self.was_slow or storm >= POLICY.intensity
        self.bound_s = POLICY.first_delay_s * POLICY.factor ** (len(self.failures) - 1)

    @invariant()
    def the_delay_keeps_its_promise(self) -> None:
        assert 0.0 <= self.delay_s <= POLICY.longest_delay_s
        if self.was_slow:
            assert self.delay_s >= POLICY.longest_delay_s / 2
        else:
            assert self.delay_s <= self.bound_s

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.history.recent) <= POLICY.intensity
        assert self.history.consecutive == len(self.failures)


TestPolicyMachine = PolicyMachine.TestCase
