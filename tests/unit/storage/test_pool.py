"""Connections before there is a server to connect to."""

import pytest

from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.pool import Pool


async def test_who_asks_before_there_is_a_server_is_told_so_each_time() -> None:
    pool = Pool("reading", size=1, clock=SystemClock(), session={})
    for _ in range(10):
        with pytest.raises(StoreUnavailable, match=r"^database \(reading\): not connected$"):
            async with pool.connection(deadline_s=1):
                pass
