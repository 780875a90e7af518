"""Connections of a pool whose server changes under them."""

import pytest

from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.pool import Address, Pool


async def test_why_a_connection_broke_is_told_also_when_the_pool_was_dropped_meanwhile(url: str) -> None:
    pool = Pool("writing", size=1, clock=SystemClock(), session={})
    pool.open(Address(dsn=url))

    async def lose() -> None:
        async with pool.connection(deadline_s=5):
            pool.open(Address(dsn=url))
            raise OSError("no space left on device")

    with pytest.raises(StoreUnavailable, match="no space left on device"):
        await lose()
    await pool.close()
