"""How long to wait before trying again."""

from random import Random

_LARGEST_EXPONENT = 60
"""2**60 times anything is past every cap; larger ones would overflow."""


def full_jitter_s(attempt: int, *, base_s: float, cap_s: float, rng: Random, factor: float = 2.0) -> float:
    """Uniform between 0 and ``base_s * factor**attempt``, at most ``cap_s``; ``attempt`` counts from 0.

    Source: M. Brooker, Exponential Backoff And Jitter (AWS Architecture Blog, 2015), "full jitter".
    """
    return rng.uniform(0.0, min(cap_s, base_s * factor ** min(attempt, _LARGEST_EXPONENT)))


def reconnect_delay_s(attempt: int, *, base_s: float, cap_s: float, rng: Random) -> float:
    """For connections: the first retry (attempt 0) at once, then full jitter."""
    return 0.0 if attempt <= 0 else full_jitter_s(attempt - 1, base_s=base_s, cap_s=cap_s, rng=rng)
