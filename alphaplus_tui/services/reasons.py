"""Finds out which features moved each new signal, while nobody waits for it."""

import asyncio

import structlog
from msgspec import structs

from alphaplus_tui.domain.analysis import Decision, Direction, Role, Signal
from alphaplus_tui.domain.events import DecisionMade, SignalExplained, SignalMade
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.model import ModelExplainer, ModelShelf

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_SHOWN = 5
_WAITING = 20
"""Signals that wait for their reasons; with more than that the oldest go without."""


class ReasonService:
    """Hears SignalMade; tells SignalExplained."""

    name = "reasons"
    after: tuple[str, ...] = ("projection",)
    uses: tuple[str, ...] = ()

    def __init__(self, explainer: ModelExplainer, shelf: ModelShelf, bus: Bus) -> None:
        self._explainer, self._shelf, self._bus = explainer, shelf, bus
        self._rows: dict[str, tuple[float, ...]] = {}
        bus.on(DecisionMade, self._on_decision)

    async def run(self, life: Life) -> None:
        with self._bus.view(SignalMade, size=_WAITING, name=self.name) as signals:
            life.ready()
            async for event in signals:
                await self._explain(event.signal)

    def _on_decision(self, event: DecisionMade) -> None:
        """A signal follows its decision at once; what it was served is in the decision."""
        decision: Decision = event.decision
        if decision.role is Role.CHAMPION and decision.direction is not Direction.FLAT:
            self._rows[decision.id] = decision.prediction.features
            while len(self._rows) > _WAITING:
                del self._rows[next(iter(self._rows))]

    async def _explain(self, signal: Signal) -> None:
        row = self._rows.pop(signal.id, None)
        if row is None or signal.moved_by:
            return
        try:
            models = await asyncio.to_thread(self._shelf.models)
            model = next((model for model in models if model.id == signal.model), None)
            if model is None:
                return
            found = await self._explainer.explain(model.folder, model.seal, row)
        except (TransientError, FatalError) as error:
            log.info("signal_not_explained", signal=signal.id, error=str(error))
            return
        self._bus.publish(SignalExplained(structs.replace(signal, moved_by=found.contributions[:_SHOWN])))
