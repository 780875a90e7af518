"""When a service that died is started again: a policy as data, decided by a pure function."""

from dataclasses import dataclass
from random import Random

from alphaplus_tui.kernel.backoff import full_jitter_s


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    first_delay_s: float = 0.1
    """The longest the first delay can be; each delay is drawn between 0 and its bound."""
    factor: float = 2.0
    longest_delay_s: float = 30.0
    intensity: int = 5
    """So many failures within ``intensity_window_s`` lead to slow retries."""
    intensity_window_s: float = 60.0
    stable_after_s: float = 60.0
    """Good running, counted from ready, after which earlier failures are forgotten."""


@dataclass(frozen=True, slots=True)
class RestartHistory:
    """What is remembered of the failures since the last stretch of good running."""

    consecutive: int = 0
    recent: tuple[float, ...] = ()
    """Moments of failure within the policy's window, oldest first."""
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    history: RestartHistory
    delay_s: float


def after_failure(
    policy: RestartPolicy, history: RestartHistory, *, now: float, good_for_s: float, rng: Random
) -> Retry:
    """What to remember, and how long to wait, after a failure at ``now``.

    good_for_s: how long the run was ready. Being ready does not forget failures; staying so does.
    """
    if good_for_s >= policy.stable_after_s:
        history = RestartHistory()
    recent = (*(t for t in history.recent if now - t < policy.intensity_window_s), now)[-policy.intensity :]
    slow = history.slow or len(recent) >= policy.intensity
    delay_s = (
        rng.uniform(policy.longest_delay_s / 2, policy.longest_delay_s)
        if slow
        else full_jitter_s(
            history.consecutive,
            base_s=policy.first_delay_s,
            cap_s=policy.longest_delay_s,
            rng=rng,
            factor=policy.factor,
        )
    )
    return Retry(RestartHistory(history.consecutive + 1, recent, slow), delay_s)
