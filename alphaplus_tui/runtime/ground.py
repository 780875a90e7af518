"""What everything that the builder wires stands on."""

from dataclasses import dataclass
from random import Random

from alphaplus_tui.domain.timeframe import Timeframe, parse_timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.state.store import StateStore


@dataclass(frozen=True, slots=True)
class Ground:
    """Only for what wires: a service is given what it uses, not all of this."""

    settings: Settings
    paths: Paths
    state: StateStore
    bus: Bus
    clock: Clock
    market: MarketClock
    meters: Meters
    rng: Random
    recorded: bool
    """A recording is played: in its own time, without deadlines, and nobody is told of what was long ago."""

    def timeframes(self) -> list[Timeframe]:
        """Those that the user wants to see, and the one in which models judge."""
        wanted = [parse_timeframe(name) for name in self.settings.exchange.timeframes]
        judged = self.settings.training.timeframe
        return [*wanted, judged] if self.settings.inference.enabled and judged not in wanted else wanted
