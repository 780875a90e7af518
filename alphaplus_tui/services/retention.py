"""Forgets what is older than the settings keep."""

from random import Random

import structlog

from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import StoreWriter
from alphaplus_tui.settings.sections import DatabaseSettings

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_FIRST_AFTER_S = 60.0
_EVERY_S = 3600.0


class RetentionService:
    """Once an hour, by the market's clock; imported and replayed rows are never touched."""

    name = "retention"
    after: tuple[str, ...] = ("persistence",)
    uses: tuple[str, ...] = ()

    def __init__(self, writer: StoreWriter, settings: DatabaseSettings, *, market: MarketClock, rng: Random) -> None:
        self._writer, self._settings, self._market, self._rng = writer, settings, market, rng

    async def run(self, life: Life) -> None:
        life.ready()
        await life.clock.sleep(_FIRST_AFTER_S)
        while True:
            try:
                pruned = await self._writer.prune(
                    self._market.now(),
                    trades_days=self._settings.retain_trades_days,
                    candles_days=self._settings.retain_candles_days,
                    decisions_days=self._settings.retain_decisions_days,
                    events_days=self._settings.retain_events_days,
                )
            except TransientError as error:
                life.degraded(f"could not forget old rows: {error}")
                await life.clock.sleep(self._rng.uniform(_FIRST_AFTER_S / 2, _FIRST_AFTER_S))
                continue
            life.healthy()
            if any(pruned.values()):
                log.info("old_rows_forgotten", **pruned)
            await life.clock.sleep(_EVERY_S)
