"""Keeps the database going and tells when it comes and goes."""

from collections.abc import Awaitable, Callable

import structlog

from alphaplus_tui.domain.events import DatabaseConnected, DatabaseLost
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

Supervised = Callable[[Callable[[bool, str], None]], Awaitable[None]]
"""Runs until cancelled; tells whether the database answers, and why not."""


class DatabaseService:
    """The server's life is the adapter's; this one's is the manager's."""

    name = "database"
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __init__(self, supervised: Supervised, bus: Bus, *, market: MarketClock) -> None:
        self._supervised, self._bus, self._market = supervised, bus, market
        self._connected: bool | None = None

    async def run(self, life: Life) -> None:
        life.ready()

        def on_state(connected: bool, reason: str) -> None:
            if connected:
                life.healthy()
            else:
                life.degraded(reason)
            if connected != self._connected:
                self._connected = connected
                self._tell(connected, reason)

        await self._supervised(on_state)

    def _tell(self, connected: bool, reason: str) -> None:
        now = self._market.now()
        if connected:
            log.info("database_connected")
            self._bus.publish(DatabaseConnected(now))
        else:
            log.warning("database_lost", reason=reason)
            self._bus.publish(DatabaseLost(reason, now))
