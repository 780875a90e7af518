"""A machine that sleeps takes its connections with it, and knows when it wakes."""

import time
from itertools import count

from alphaplus_tui.exchanges.shared.link import dial
from alphaplus_tui.exchanges.shared.talk import KeepAlive, Patience, Talk
from alphaplus_tui.kernel.clock import SystemClock, elapsed_ns
from tests.integration.exchanges.local_venue import local_venue
from tests.support import eventually


class Deaf:
    """Hears nothing, knows nothing, leaves nothing."""

    sparing = False
    leaving = False
    beats = 0
    keep_alive: KeepAlive | None = None

    def hear(self, frame: bytes) -> None: ...

    async def quiet(self, silent_s: float) -> bool:
        del silent_s
        return True


async def test_a_link_is_lost_as_soon_as_the_machine_wakes() -> None:
    looks = count()

    def with_sleep() -> int:
        """Eight hours pass between the third look and the fourth."""
        return elapsed_ns() + (8 * 3600 * 10**9 if next(looks) > 3 else 0)

    async with local_venue() as venue:
        link = await dial(f"ws://{venue.url}/stream", open_within_s=5.0)
        link.listen(Deaf().hear)
        patience = Patience(look_every_s=0.02)
        talk = Talk(link, Deaf(), Deaf(), clock=SystemClock(), patience=patience, elapsed_ns=with_sleep)
        await eventually(lambda: venue.dialled == 1)
        began = time.monotonic()
        error = await talk.until_old_or_lost()
        assert str(error) == "the machine slept"
        assert time.monotonic() - began < 1.0
        await talk.close()
