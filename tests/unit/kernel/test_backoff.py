"""Delays before trying again."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.kernel.backoff import full_jitter_s, reconnect_delay_s


def test_the_first_reconnection_is_at_once() -> None:
    assert reconnect_delay_s(0, base_s=1, cap_s=30, rng=Random(1)) == 0.0


@given(attempt=st.integers(1, 100_000), cap_s=st.floats(0.1, 60), seed=st.integers())
def test_later_ones_wait_between_nothing_and_a_bound_that_doubles_up_to_the_cap(
    attempt: int, cap_s: float, seed: int
) -> None:
    delay_s = reconnect_delay_s(attempt, base_s=0.25, cap_s=cap_s, rng=Random(seed))
    assert 0 <= delay_s <= min(cap_s, 0.25 * 2 ** min(attempt - 1, 60))


def test_the_jitter_is_full_so_that_clients_do_not_come_back_together() -> None:
    rng = Random(7)
    delays = [full_jitter_s(3, base_s=1, cap_s=30, rng=rng) for _ in range(1_000)]
    assert min(delays) < 0.1
    assert max(delays) > 7.9
    assert 3.7 < sum(delays) / len(delays) < 4.3
