"""Wires what keeps opinions and models: their own writer, training, and what visitors may wish of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.models.explain import ChildExplainer
from alphaplus_tui.models.keeper import RegistryKeeper
from alphaplus_tui.ports.store import StoreReader, StoreWriter
from alphaplus_tui.runtime.model_desk import ModelDesk
from alphaplus_tui.runtime.trainer import ProcessTrainer
from alphaplus_tui.services.opinions import OpinionsService
from alphaplus_tui.services.training import TrainingService, Workshop
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.state.view import StateView
from alphaplus_tui.storage.spool import FileSpool

_NEVER_SHED = 1 << 60
"""Bytes that the spool of decisions and signals may take: what there is."""


@dataclass(frozen=True, slots=True)
class ModelKeeping:
    """What the builder needs of it."""

    opinions: OpinionsService
    training: TrainingService
    desk: ModelDesk
    close: Callable[[], Awaitable[None]]


def model_keeping(
    settings: Settings,
    paths: Paths,
    writer: StoreWriter,
    reader: StoreReader,
    bus: Bus,
    *,
    state: StateView,
    recorded: bool,
    clock: Clock,
    market: MarketClock,
    meters: Meters,
) -> ModelKeeping:
    """recorded: nothing is trained without being asked for."""
    keeper = RegistryKeeper(paths.models, market.now)
    spool = FileSpool(paths.spool / "opinions", max_bytes=_NEVER_SHED, clock=clock)
    opinions = OpinionsService(
        writer, reader, spool, bus, registry=keeper.records, clock=clock, market=market, meters=meters
    )
    trainer = ProcessTrainer(paths.models, settings.training, settings.signals)
    workshop = Workshop(trainer, keeper, reader, settings.training, market=market)
    training = TrainingService(workshop, reader, state, bus, settings.training, market=market, triggers=not recorded)
    desk = ModelDesk(training, keeper, ChildExplainer(), reader, bus, market=market)
    return ModelKeeping(opinions, training, desk, spool.close)
