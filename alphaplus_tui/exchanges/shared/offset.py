"""Measures how far an exchange's clock is from ours."""

import time
from collections.abc import Awaitable, Callable
from statistics import median


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
