"""What visitors wish of models and ask about them, carried out."""

import asyncio

from alphaplus_tui.domain.analysis import Explanation
from alphaplus_tui.domain.events import ModelsChanged
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.ports.model import ModelExplainer
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.ports.trainer import ModelKeeper
from alphaplus_tui.runtime.local_session import ModelCommand
from alphaplus_tui.services.histories import check_symbols
from alphaplus_tui.services.training import TrainingService, TrainingWish
from alphaplus_tui.session.commands import (
    CancelTraining,
    NoticeModel,
    PinModel,
    PromoteModel,
    RollBackModel,
    Train,
    UnpinModel,
)


class ModelDesk:
    """Raises what stands in the way: UnknownName, UsageError, FatalError."""

    def __init__(
        self,
        training: TrainingService,
        keeper: ModelKeeper,
        explainer: ModelExplainer,
        reader: StoreReader,
        bus: Bus,
        *,
        market: MarketClock,
    ) -> None:
        self._training, self._keeper, self._explainer = training, keeper, explainer
        self._reader, self._bus, self._market = reader, bus, market

    async def carry_out(self, command: ModelCommand) -> None:
        keeper = self._keeper
        match command:
            case Train(symbols, timeframe, engines):
                await check_symbols(self._reader, symbols)
                self._training.ask(TrainingWish(symbols, timeframe, engines))
                return
            case CancelTraining():
                self._training.cancel()
                return
            case PromoteModel(model):
                await asyncio.to_thread(keeper.promote, model, "promoted by the user", by_user=True)
                reason = f"{model} was promoted by the user"
            case PinModel(model):
                await asyncio.to_thread(keeper.pin, model)
                reason = f"{model} was pinned by the user"
            case UnpinModel():
                await asyncio.to_thread(keeper.unpin)
                reason = "the champion was unpinned by the user"
            case NoticeModel(model):
                await asyncio.to_thread(keeper.folder, model)  # it must be there
                reason = f"{model} was imported by the user"
            case RollBackModel():
                reason = f"rolled back to {await asyncio.to_thread(keeper.roll_back)} by the user"
        self._bus.publish(ModelsChanged(reason, self._market.now()))

    async def explain(self, decision: str) -> Explanation:
        found = await self._reader.decision(decision)
        if found is None:
            raise UnknownName("decision", decision, ())
        folder, seal = await asyncio.to_thread(self._keeper.folder, found.prediction.model)
        return await self._explainer.explain(folder, seal, found.prediction.features)

    async def report(self, model: str) -> str:
        return await asyncio.to_thread(self._keeper.report, model)
