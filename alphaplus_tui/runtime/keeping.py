"""Wires what keeps opinions and models: their own writer, training, and what visitors may wish of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alphaplus_tui.models.explain import ChildExplainer
from alphaplus_tui.models.keeper import RegistryKeeper
from alphaplus_tui.ports.store import StoreReader, StoreWriter
from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.runtime.model_desk import ModelDesk
from alphaplus_tui.runtime.trainer import ProcessTrainer
from alphaplus_tui.services.opinions import OpinionsService
from alphaplus_tui.services.training import TrainingService, Workshop
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


def model_keeping(on: Ground, writer: StoreWriter, reader: StoreReader) -> ModelKeeping:
    settings, paths, bus, clock, market = on.settings, on.paths, on.bus, on.clock, on.market
    keeper = RegistryKeeper(paths.models, market.now)
    spool = FileSpool(paths.spool / "opinions", max_bytes=_NEVER_SHED, clock=clock)
    opinions = OpinionsService(
        writer, reader, spool, bus, registry=keeper.records, clock=clock, market=market, meters=on.meters
    )
    trainer = ProcessTrainer(paths.models, settings.training, settings.signals)
    workshop = Workshop(trainer, keeper, reader, settings.training, market=market)
    training = TrainingService(
        workshop, reader, on.state, bus, settings.training, market=market, triggers=not on.recorded
    )
    desk = ModelDesk(training, keeper, ChildExplainer(), reader, bus, market=market)
    return ModelKeeping(opinions, training, desk, spool.close)
