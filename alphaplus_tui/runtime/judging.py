"""Wires what judges candles: the inference process, gates, outcomes, and the watch over the models."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.kernel.service import Service
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.services.moods import Moods

DEMO_MODEL = "assets/demo-model"

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Judging:
    """What the builder needs of it."""

    services: tuple[Service, ...]
    settled: Callable[[], Awaitable[None]]
    """Returns when every candle that closed so far is judged."""


def judging(on: Ground, reader: StoreReader, moods: Moods) -> Judging:
    # numpy comes with these: not before the first paint
    from alphaplus_tui.models.client import ModelProcess  # noqa: PLC0415
    from alphaplus_tui.models.explain import ChildExplainer  # noqa: PLC0415
    from alphaplus_tui.models.shelf import RegistryShelf  # noqa: PLC0415
    from alphaplus_tui.services.inference import InferenceService  # noqa: PLC0415
    from alphaplus_tui.services.model_watch import ModelWatchService  # noqa: PLC0415
    from alphaplus_tui.services.outcomes import OutcomeService  # noqa: PLC0415
    from alphaplus_tui.services.reasons import ReasonService  # noqa: PLC0415
    from alphaplus_tui.services.rows.models import ModelRows  # noqa: PLC0415
    from alphaplus_tui.services.scoreboard import Scoreboard  # noqa: PLC0415
    from alphaplus_tui.services.signals import SignalService  # noqa: PLC0415

    settings, state, bus, market, recorded = on.settings, on.state, on.bus, on.market, on.recorded
    timeframe, inference = settings.training.timeframe, settings.inference
    server = ModelProcess(clock=on.clock, threads=inference.threads)
    shelf, rows = RegistryShelf(on.paths.models, market.now), ModelRows(state)
    signals = SignalService(
        reader, bus, settings.signals, timeframe, state=state, recorded=recorded, market=market, meters=on.meters
    )
    judge = InferenceService(
        server,
        shelf,
        reader,
        bus,
        timeframe,
        state=state,
        moods=moods,
        rows=rows,
        deadline_s=None if recorded else inference.deadline_ms / 1000,
        preview_every_s=inference.preview_every_s if inference.previews and not recorded else None,
        market=market,
        meters=on.meters,
    )
    watch = ModelWatchService(
        shelf,
        server,
        reader,
        bus,
        timeframe,
        windows=judge.windows,
        anchors=judge.anchor,
        scoreboard=Scoreboard(state),
        rows=rows,
        market=market,
    )
    outcomes = OutcomeService(
        reader,
        bus,
        timeframe,
        scorers=(watch.scored,),
        fees_bps=settings.signals.fees_bps,
        recorded=recorded,
        market=market,
    )
    reasons = ReasonService(ChildExplainer(), shelf, bus)
    return Judging((signals, outcomes, watch, reasons, judge), judge.settled)


def adopt_demo_model(models: Path, now: Callable[[], int]) -> None:
    """The model that comes with AlphaPlus serves the demo market, unless another one does."""
    from alphaplus_tui.models.registry import Registry  # noqa: PLC0415
    from alphaplus_tui.resources import resource  # noqa: PLC0415

    registry = Registry(models, now)
    try:
        if registry.index.entries:
            return
        registry.adopt(resource(DEMO_MODEL), "comes with the demo market")
    except FileNotFoundError:
        log.info("no_demo_model", looked_for=DEMO_MODEL)
    except (AlphaPlusError, OSError) as error:
        log.warning("demo_model_not_adopted", error=str(error))
