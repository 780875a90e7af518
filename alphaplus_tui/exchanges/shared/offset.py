"""Measures how far an exchange's clock is from ours."""

import time
from collections.abc import Awaitable, Callable
from statistics import median

from alphaplus_tui.kernel.clock import Clock

_SECOND_NS = 1_000_000_000
_TIMES = 5


async def measured_offset_ns(
    server_ns: Callable[[], Awaitable[int]], wall_ns: Callable[[], int] = time.time_ns, *, times: int = 3
) -> int:
    """The exchange's clock minus ours: the median of ``times`` questions, half of each round trip taken off.

    server_ns: asks for the exchange's time, UTC ns; raises what REST raises.
    """
    offsets: list[int] = []
    for _ in range(times):
        before = wall_ns()
        server = await server_ns()
        offsets.append(server - (before + wall_ns()) // 2)
    return int(median(offsets))


async def offset_of_whole_seconds(
    second: Callable[[], Awaitable[int]], *, clock: Clock, wall_ns: Callable[[], int], times: int = _TIMES
) -> int:
    """The venue's clock minus ours (ns), to about 2⁻ᵗⁱᵐᵉˢ s and half a round trip; takes as many seconds at most.

    Each answer bounds the offset from both sides; each further question is put when, as far as is known, the venue's
    second is about to turn, which halves what is left. Raises what ``second`` raises.
    """
    low, high = await _bounds(second, wall_ns)
    for _ in range(times - 1):
        middle = (low + high) // 2
        await clock.sleep((-(wall_ns() + middle) % _SECOND_NS) / 1e9)
        lower, upper = await _bounds(second, wall_ns)
        if max(low, lower) >= min(high, upper):
            low, high = lower, upper  # one of the clocks was set meanwhile: begin again
        else:
            low, high = max(low, lower), min(high, upper)
    return (low + high) // 2


async def _bounds(second: Callable[[], Awaitable[int]], wall_ns: Callable[[], int]) -> tuple[int, int]:
    before = wall_ns()
    said_ns = await second() * _SECOND_NS
    after = wall_ns()
    return said_ns - after, said_ns + _SECOND_NS - before
