"""Trains models from stored history: when the user asks, by schedule, and when the serving one has drifted."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from msgspec import Struct, structs

from alphaplus_tui.domain.analysis import TrainingRun
from alphaplus_tui.domain.events import InstrumentsKnown, ModelsChanged, TrainingChanged
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import DAY_NS, SECOND_NS, Timeframe, parse_timeframe
from alphaplus_tui.errors import AlphaPlusError, TransientError, UnknownName, UsageError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.ports.trainer import ModelKeeper, TrainedModel, Trainer, TrainingTask
from alphaplus_tui.services.histories import anchor_of, gather
from alphaplus_tui.settings.learning import TrainingSettings
from alphaplus_tui.state.slices import ModelRow
from alphaplus_tui.state.view import StateView

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

ENGINES = ("xgboost", "lightgbm", "catboost")
DRIFTED = 0.2
"""Population stability index from which on a model is trained anew."""
_LEAST_SCORED = 200
"""Outcomes from which on a live Brier score is worth a training."""
_LOOK_EVERY_S = 60.0
_PERIODS_NS = {"daily": DAY_NS, "weekly": 7 * DAY_NS}


class TrainingWish(Struct, frozen=True):
    """What to train; empty fields are taken from the settings."""

    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    engines: tuple[str, ...] = ()
    asked_by: str = "user"
    """user, schedule, drift or brier."""


OnChange = Callable[[TrainingRun, str, float], None]
"""Told of the run, what is being done, and which share of all is done."""


class Workshop:
    """Performs one training: gather history, train, register, and promote what is better."""

    def __init__(
        self,
        trainer: Trainer,
        keeper: ModelKeeper,
        reader: StoreReader,
        settings: TrainingSettings,
        *,
        market: MarketClock,
    ) -> None:
        self._trainer, self._keeper, self._reader = trainer, keeper, reader
        self._settings, self._market = settings, market

    def check(self, wish: TrainingWish) -> None:
        """``UnknownName`` for what cannot be trained."""
        parse_timeframe(wish.timeframe or self._settings.timeframe)
        for engine in wish.engines:
            if engine not in ENGINES:
                raise UnknownName("engine", engine, ENGINES)

    async def perform(
        self, wish: TrainingWish, on_change: OnChange, *, followed: Sequence[InstrumentId] = ()
    ) -> TrainingRun:
        """How it ended: done or failed; told as cancelled when it is cancelled.

        followed: what is trained on when the wish names no symbols; empty: everything that is stored.
        """
        started_at = self._market.now()
        timeframe = parse_timeframe(wish.timeframe or self._settings.timeframe)
        engines = wish.engines or tuple(self._settings.engines)
        run = TrainingRun(run_name(started_at, timeframe), "running", wish.asked_by, timeframe, (), engines, started_at)
        told = (run, "history", 0.0)

        def tell(run: TrainingRun, step: str, share: float) -> None:
            nonlocal told
            told = (run, step, share)
            on_change(*told)

        tell(*told)
        try:
            histories = await gather(self._reader, wish.symbols, timeframe, end=started_at, default=followed)
            names = tuple(history.instrument for history in histories)
            run = structs.replace(run, instruments=names)
            mood = await self._reader.mood(since=0, until=started_at)
            task = TrainingTask(run.id, started_at, histories, anchor_of(histories), timeframe, engines, mood)
            trained = await self._trainer.train(task, lambda step, share: tell(run, step, share))
            reason = await asyncio.to_thread(self._promote, trained, timeframe)
        except asyncio.CancelledError:
            _, step, share = told
            on_change(structs.replace(run, state="cancelled", ended_at=self._market.now()), step, share)
            raise
        except AlphaPlusError as error:
            _, step, share = told
            run = structs.replace(run, state="failed", ended_at=self._market.now(), reason=f"{error.title}: {error}")
            tell(run, step, share)
            return run
        run = structs.replace(
            run,
            state="done",
            ended_at=self._market.now(),
            model=trained.model,
            verdict=trained.verdict,
            reason=reason,
        )
        tell(run, "done", 1.0)
        return run

    def _promote(self, trained: TrainedModel, timeframe: Timeframe) -> str:
        """By the rule; the user's pin stands above it."""
        if timeframe != self._settings.timeframe:
            return f"not promoted: it judges {timeframe} candles, training.timeframe is {self._settings.timeframe}"
        if not trained.better:
            return f"not promoted: {trained.reason}"
        try:
            self._keeper.promote(trained.model, trained.reason, by_user=False)
        except AlphaPlusError as error:
            return f"not promoted: {error}"
        return f"promoted: {trained.reason}"


class TrainingService:
    """One training at a time."""

    name = "training"
    after: tuple[str, ...] = ("persistence",)
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        workshop: Workshop,
        reader: StoreReader,
        state: StateView,
        bus: Bus,
        settings: TrainingSettings,
        *,
        market: MarketClock,
        triggers: bool = True,
    ) -> None:
        """triggers: whether it trains without being asked; a replay does not."""
        self._workshop, self._reader, self._state, self._bus = workshop, reader, state, bus
        self._settings, self._market, self._triggers = settings, market, triggers
        self._followed: tuple[InstrumentId, ...] = ()
        self._wish: TrainingWish | None = None
        self._asked = asyncio.Event()
        self._training: asyncio.Task[TrainingRun] | None = None
        bus.on(InstrumentsKnown, self._on_instruments)

    @property
    def busy(self) -> bool:
        return self._wish is not None or self._training is not None

    def ask(self, wish: TrainingWish) -> None:
        """``UsageError`` while one runs, ``UnknownName`` for what cannot be trained."""
        if self.busy:
            raise UsageError("a training runs already; cancel it first, or wait for its end")
        self._workshop.check(wish)
        self._wish = wish
        self._asked.set()

    def cancel(self) -> None:
        """``UsageError`` when none runs."""
        if not self.busy:
            raise UsageError("no training runs")
        self._wish = None
        if self._training is not None:
            self._training.cancel()

    async def run(self, life: Life) -> None:
        life.ready()
        while True:
            await self._until_asked(life)
            self._asked.clear()
            if self._wish is None and self._triggers:
                try:
                    if reason := await self._trigger():
                        self._wish = TrainingWish(asked_by=reason)
                except TransientError:
                    continue  # the database is away: nothing could be learnt anyway
            if self._wish is not None:
                await self._train(self._wish)

    async def _until_asked(self, life: Life) -> None:
        waits = {asyncio.ensure_future(self._asked.wait()), asyncio.ensure_future(life.clock.sleep(_LOOK_EVERY_S))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _train(self, wish: TrainingWish) -> None:
        task = self._training = asyncio.create_task(
            self._workshop.perform(wish, self._tell, followed=self._followed), name="training"
        )
        self._wish = None
        try:
            await asyncio.wait({task})
        finally:
            self._training = None
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            log.info("training_cancelled")
            return
        run = task.result()
        log.info("training_ended", state=run.state, model=run.model, verdict=run.verdict, reason=run.reason)
        if run.state == "done":
            self._bus.publish(ModelsChanged(f"{run.model} was trained; {run.reason}", self._market.now()))

    def _tell(self, run: TrainingRun, step: str, share: float) -> None:
        self._bus.publish(TrainingChanged(run, step, share))

    async def _trigger(self) -> str:
        """Why a training is due; empty when none is."""
        champion = next((row for row in self._state.models.values() if row.stage == "champion"), None)
        if champion is None:
            return ""  # the first model is the user's wish
        now = self._market.now()
        runs = await self._reader.training_runs(limit=50)
        newest = max((run.started_at for run in runs), default=0)
        period = _PERIODS_NS.get(self._settings.schedule)
        if period is not None and now - max(newest, champion.added_at) >= period:
            return "schedule"
        reason = "drift" if (champion.drift_psi or 0.0) > DRIFTED else "brier" if _brier_is_worse(champion) else ""
        recent = (run for run in runs if run.asked_by in ("drift", "brier") and now - run.started_at < DAY_NS)
        return "" if any(recent) else reason

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._followed = tuple(instrument.id for instrument in event.instruments)


def _brier_is_worse(row: ModelRow) -> bool:
    """Even the best that chance allows is worse than what the report promised."""
    promised = row.metrics.get("holdout_brier", row.metrics.get("pooled_brier"))
    return (
        promised is not None and row.live_low is not None and row.live_rows >= _LEAST_SCORED and row.live_low > promised
    )


def run_name(started_at: int, timeframe: Timeframe) -> str:
    """Of a run and of its model."""
    return f"{datetime.fromtimestamp(started_at // SECOND_NS, UTC):%Y%m%d-%H%M%S}-{timeframe}"
