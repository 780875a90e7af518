"""Watches the serving models: drift, live score, parity, and whether the challenger has become the better one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from math import log as ln

import structlog

from alphaplus_tui.domain.analysis import Prediction, Role
from alphaplus_tui.domain.events import ModelsChanged, PredictionsMade, SignalMade, SignalsRemembered
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import DAY_NS, Timeframe, duration_ns
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.model import ModelServer, ModelShelf, ShelfModel, WindowBatch
from alphaplus_tui.ports.store import Scored, StoreReader
from alphaplus_tui.services.drift import Duel, LiveScore, ServedRows, largest_difference
from alphaplus_tui.services.rows.models import ModelRows, Watched
from alphaplus_tui.services.scoreboard import Scoreboard
from alphaplus_tui.services.windows import WINDOW, CandleWindows

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0
_WATCH_EVERY = 30
"""Looks between two computations of drift, score and parity."""
_LEAST_PAIRS = 2000
_SCORED_KEPT = 50_000
_STORED_AFTER_NS = 60_000_000_000
"""A candle is in the database, and late trades are in it, so long after its close."""
_LEAST = 1e-7


class ModelWatchService:
    """Hears what is served and what became of it; writes the figures of each model."""

    name = "model_watch"
    after: tuple[str, ...] = ("persistence", "projection")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        shelf: ModelShelf,
        server: ModelServer,
        reader: StoreReader,
        bus: Bus,
        timeframe: Timeframe,
        *,
        windows: CandleWindows,
        anchors: Callable[[InstrumentId], InstrumentId | None],
        scoreboard: Scoreboard,
        rows: ModelRows,
        market: MarketClock,
    ) -> None:
        """windows, anchors: those that inference serves with."""
        self._shelf, self._server, self._reader, self._bus = shelf, server, reader, bus
        self._windows, self._anchors, self._timeframe = windows, anchors, timeframe
        self._scoreboard, self._rows, self._market = scoreboard, rows, market
        self._models: dict[str, ShelfModel] = {}
        self._served: dict[str, ServedRows] = {}
        self._live: dict[str, LiveScore] = {}
        self._parity: dict[str, float] = {}
        self._scored: deque[Scored] = deque(maxlen=_SCORED_KEPT)
        self._duel: Duel | None = None
        self._judged_at_rows = 0
        self._candidates: deque[Prediction] = deque(maxlen=200)
        self._stale = True
        bus.on(PredictionsMade, self._on_predictions)
        bus.on(SignalMade, lambda event: scoreboard.made(event.signal))
        bus.on(SignalsRemembered, self._on_remembered)
        bus.on(ModelsChanged, self._on_models_changed)

    def _on_remembered(self, event: SignalsRemembered) -> None:
        for signal, _ in event.signals:
            self._scoreboard.made(signal)

    async def run(self, life: Life) -> None:
        life.ready()
        looks = 0
        while True:
            if self._stale:
                await self._read_shelf()
            self._scoreboard.refresh()
            if looks % _WATCH_EVERY == 0:
                await self.look()
            looks += 1
            await life.clock.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Once through everything that is watched."""
        await self._check_parity()
        self._show()
        await self._consider()

    def scored(self, row: Scored) -> None:
        """What became of a decision, of this run or an earlier one."""
        self._scoreboard.scored(row)
        self._live.setdefault(row.model, LiveScore()).add(row.outcome.brier, row.close_time // DAY_NS)
        self._scored.append(row)
        if self._duel is not None:
            _fight(self._duel, row)

    def _on_models_changed(self, _: ModelsChanged) -> None:
        self._stale = True

    def _on_predictions(self, event: PredictionsMade) -> None:
        for prediction in event.predictions:
            if prediction.forming or event.as_of:
                continue
            if (served := self._served.get(prediction.model)) is not None:
                served.add(prediction.features)
            if event.role is Role.CHAMPION and prediction.probabilities is not None:
                self._candidates.append(prediction)

    async def _read_shelf(self) -> None:
        self._stale = False
        try:
            models = await asyncio.to_thread(self._shelf.models)
        except FatalError as error:
            log.warning("registry_unreadable", error=str(error))
            return
        self._models = {model.id: model for model in models}
        for model in models:
            if model.profiles and model.id not in self._served:
                self._served[model.id] = ServedRows(model.profiles)
        champion, challenger = _serving(models, Role.CHAMPION), _serving(models, Role.CHALLENGER)
        if champion is None or challenger is None:
            self._duel = None
        elif self._duel is None or (self._duel.champion, self._duel.challenger) != (champion, challenger):
            self._duel, self._judged_at_rows = Duel(champion, challenger), 0
            for row in self._scored:
                _fight(self._duel, row)

    def _show(self) -> None:
        for model in self._models:
            live = self._live[model].estimate() if model in self._live else None
            drift = self._served[model].drift() if model in self._served else None
            found = Watched(
                live_brier=live.mean if live else None,
                live_low=live.low if live else None,
                live_high=live.high if live else None,
                live_rows=live.rows if live else 0,
                drift_psi=drift.psi if drift else None,
                drift_feature=drift.feature if drift else "",
                parity=self._parity.get(model),
            )
            self._rows.watched(model, found)

    async def _consider(self) -> None:
        """Promote the challenger when the rule says so; asked again when there are a tenth more rows."""
        duel = self._duel
        if duel is None or duel.rows < max(_LEAST_PAIRS, self._judged_at_rows * 1.1):
            return
        self._judged_at_rows = duel.rows
        promoted, reason = await asyncio.to_thread(self._shelf.consider, duel.challenger, duel.days())
        log.info("challenger_judged", challenger=duel.challenger, promoted=promoted, reason=reason)
        if promoted:
            self._bus.publish(ModelsChanged(f"{duel.challenger} is the champion: {reason}", self._market.now()))

    async def _check_parity(self) -> None:
        """A served row against the same row from stored candles, where none of its window was revised."""
        prediction = self._next_candidate()
        model = self._models.get(prediction.model) if prediction is not None else None
        if prediction is None or model is None:
            return
        anchor = self._anchors(prediction.instrument)
        wanted = [name for name in (prediction.instrument, anchor) if name is not None]
        if not all(self._windows.unrevised(name, prediction.open_time) for name in wanted):
            return
        try:
            windows = await self._stored(dict.fromkeys(wanted), prediction.open_time)
            related = windows.window(anchor, prediction.open_time) if anchor is not None else None
            window = windows.window(prediction.instrument, prediction.open_time, anchor=-1 if related is None else 0)
            if window is None or windows.last(prediction.instrument) != prediction.open_time:
                return
            mood = await self._reader.mood(
                since=prediction.open_time - WINDOW * duration_ns(self._timeframe),
                until=prediction.close_time + 1,
            )
            batch = WindowBatch((window,), () if related is None else (related,), mood=mood)
            answers = await self._server.predict(batch, deadline_s=None)
        except (TransientError, FatalError) as error:
            log.info("parity_not_checked", error=str(error))
            return
        for opinions in answers:
            if opinions.served.model == model.id:
                again = opinions.predictions[0].features
                worst = largest_difference(prediction.features, again, model.profiles)
                self._parity[model.id] = max(worst, self._parity.get(model.id, 0.0))

    def _next_candidate(self) -> Prediction | None:
        stored_until = self._market.now() - _STORED_AFTER_NS - duration_ns(self._timeframe)
        while self._candidates and self._candidates[0].open_time <= stored_until:
            prediction = self._candidates.popleft()
            if not self._candidates or self._candidates[0].open_time > stored_until or len(self._candidates) % 10 == 0:
                return prediction
        return None

    async def _stored(self, instruments: dict[InstrumentId, None], until: int) -> CandleWindows:
        windows, length = CandleWindows(self._timeframe), duration_ns(self._timeframe)
        for instrument in instruments:
            windows.put(
                await self._reader.candles(
                    instrument, self._timeframe, start=until - (WINDOW - 1) * length, end=until + 1, limit=WINDOW
                )
            )
        return windows


def _serving(models: Sequence[ShelfModel], role: Role) -> str | None:
    return next((model.id for model in models if model.serves is role), None)


def _fight(duel: Duel, row: Scored) -> None:
    given = {"down": row.probabilities.down, "none": row.probabilities.none, "up": row.probabilities.up}
    loss = -ln(max(given[row.outcome.touched], _LEAST))
    duel.add(row.model, row.instrument, row.close_time, row.close_time // DAY_NS, loss)
