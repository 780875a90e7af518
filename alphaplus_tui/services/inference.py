"""Has the serving models judge every candle that closed, of all instruments in one go."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.domain.events import (
    CandleClosed,
    HistoryLoaded,
    InstrumentsKnown,
    ModelsChanged,
    PredictionsMade,
    RecordingEnded,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.model import (
    ModelServer,
    ModelShelf,
    Opinions,
    ServedModel,
    ServerStatus,
    ShelfModel,
)
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.batches import Batches
from alphaplus_tui.services.moments import Gathered, Moments
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.services.rows.models import ModelRows
from alphaplus_tui.services.windows import WINDOW, CandleWindows
from alphaplus_tui.state.store import StateStore

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.01
_IDLE_S = 1.0
_SHELF_EVERY_S = 30.0
_DATABASE_WITHIN_S = 60.0
_DATABASE_EVERY_S = 0.1
NO_MODEL = "no model serves: train one, or promote one that is there"


class ModelUnusable(FatalError):
    """A model that should serve and cannot."""

    title = "Model not served"


class InferenceService:
    """Hears candles; tells PredictionsMade, once for each candle and role."""

    name = "inference"
    after: tuple[str, ...] = ("persistence", "projection", "signals", "outcomes")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        server: ModelServer,
        shelf: ModelShelf,
        reader: StoreReader,
        bus: Bus,
        timeframe: Timeframe,
        *,
        state: StateStore,
        moods: Moods,
        rows: ModelRows,
        deadline_s: float | None,
        preview_every_s: float | None,
        market: MarketClock,
        meters: Meters,
    ) -> None:
        """deadline_s: None for a recording: nobody is left behind, and history comes from the database alone.

        preview_every_s: None: forming candles are not looked at.
        """
        self._server, self._shelf, self._reader, self._state, self._rows = server, shelf, reader, state, rows
        self._bus, self._market, self._meters, self._timeframe = bus, market, meters, timeframe
        self._deadline_s, self._preview_every_s = deadline_s, preview_every_s
        self._recorded = deadline_s is None
        self.windows = CandleWindows(timeframe)
        self._moments = Moments(self.windows, patient=self._recorded)
        self._batches = Batches(self.windows, self._moments.anchor, state, moods, alone=self._recorded)
        self._served: dict[Role, ServedModel] = {}
        self._seals: dict[Role, str] = {}
        self._troubles: dict[str, str] = {}
        self._wake, self._shelf_changed, self._shelf_known = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle = asyncio.Event()
        self._primed: set[InstrumentId] = set()
        self._life: Life | None = None
        self._latency = meters.histogram("candle_to_decision")
        self._missed, self._made = meters.counter("predictions_missed"), meters.counter("predictions")
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(HistoryLoaded, self._on_history)
        bus.on(CandleClosed, self._on_closed)
        bus.on(ModelsChanged, lambda _: self._shelf_changed.set())
        bus.on(RecordingEnded, self._on_recording_ended)

    async def run(self, life: Life) -> None:
        self._life = life
        self._shelf_changed.set()
        self._served.clear()
        self._seals.clear()
        life.ready()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._server.run(self._on_server))
                tasks.create_task(self._keep_models())
                tasks.create_task(self._judge(life))
        finally:
            self._life = None
            self._idle.set()

    async def settled(self) -> None:
        """Returns when everything that closed so far is judged, or nothing serves."""
        if self._life is not None:
            await self._idle.wait()

    def anchor(self, instrument: InstrumentId) -> InstrumentId | None:
        """Whom an instrument is related to."""
        return self._moments.anchor(instrument)

    # what the bus says

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._moments.follow({instrument.id: instrument for instrument in event.instruments})

    def _on_history(self, event: HistoryLoaded) -> None:
        candles = [candle for candle in event.candles if candle.timeframe == self._timeframe]
        if not candles:
            return
        self._idle.clear()
        self.windows.put(candles)
        if event.stored:
            return
        now = self._life.clock.monotonic() if self._life is not None else 0.0
        due = open_time(self._market.now(), self._timeframe) - duration_ns(self._timeframe)
        for instrument in {candle.instrument for candle in candles}:
            self._moments.loaded(instrument, now)
            last = self.windows.last(instrument)
            if last is not None and last == due:
                self._moments.add(instrument, last, now, as_of=True)
        self._wake.set()

    def _on_closed(self, event: CandleClosed) -> None:
        candle = event.candle
        if candle.timeframe != self._timeframe:
            return
        self._idle.clear()
        self.windows.put((candle,))
        now = self._life.clock.monotonic() if self._life is not None else 0.0
        self._moments.add(candle.instrument, candle.open_time, now)
        self._wake.set()

    def _on_recording_ended(self, _: RecordingEnded) -> None:
        self._moments.end()
        self._wake.set()

    # who serves

    def _on_server(self, status: ServerStatus) -> None:
        self._rows.server(status)
        if self._life is None:
            return
        if status.running:
            self._life.healthy()
        else:
            self._life.degraded(status.reason)

    async def _keep_models(self) -> None:
        while True:
            self._shelf_changed.clear()
            await self._follow_shelf()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._shelf_changed.wait(), _SHELF_EVERY_S)

    async def _follow_shelf(self) -> None:
        """Serve what the registry says; a model that is refused leaves the one before it serving."""
        try:
            models = await asyncio.to_thread(self._shelf.models)
        except FatalError as error:
            self._rows.server(self._server.status, str(error))
            return
        troubles: dict[str, str] = {}
        for role in Role:
            wanted = next((model for model in models if model.serves is role), None)
            try:
                await self._serve(role, wanted)
            except FatalError as error:
                assert wanted is not None
                troubles[wanted.id] = str(error)
                if self._troubles.get(wanted.id) != str(error):
                    log.error("model_refused", model=wanted.id, reason=str(error))  # noqa: TRY400  the trace says nothing
        self._troubles = troubles
        self._rows.registry(models, {role: served.model for role, served in self._served.items()}, troubles)
        refused = next((text for model in models if (text := troubles.get(model.id)) and model.serves), NO_MODEL)
        self._rows.server(self._server.status, "" if Role.CHAMPION in self._served else refused)
        self._shelf_known.set()

    async def _serve(self, role: Role, wanted: ShelfModel | None) -> None:
        if wanted is None:
            if self._served.pop(role, None) is not None:
                self._seals.pop(role, None)
                await self._server.unload(role)
        elif wanted.trouble:
            raise ModelUnusable(wanted.trouble)
        elif wanted.timeframe != self._timeframe:
            raise ModelUnusable(f"it judges {wanted.timeframe} candles; training.timeframe is {self._timeframe}")
        elif self._seals.get(role) != wanted.seal:
            first = role is Role.CHAMPION and role not in self._served
            self._served[role] = await self._server.load(role, wanted.folder, wanted.seal)
            self._seals[role] = wanted.seal
            log.info("model_serves", model=wanted.id, role=role.value)
            if first:
                self._look_back()

    def _look_back(self) -> None:
        """The first champion judges the candles that closed last before it came."""
        due = open_time(self._market.now(), self._timeframe) - duration_ns(self._timeframe)
        now = self._life.clock.monotonic() if self._life is not None else 0.0
        self._moments.again(due, now)
        self._wake.set()

    # the work

    async def _judge(self, life: Life) -> None:
        await self._shelf_known.wait()
        preview_at = life.clock.monotonic()
        while True:
            self._wake.clear()
            gathered = self._moments.take(life.clock.monotonic())
            if gathered is not None:
                await self._ask(gathered, life)
            elif self._preview_every_s is not None and life.clock.monotonic() >= preview_at:
                preview_at = life.clock.monotonic() + self._preview_every_s
                await self._preview()
            else:
                if not len(self._moments):
                    self._idle.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _LOOK_EVERY_S if len(self._moments) else _IDLE_S)

    async def _ask(self, gathered: Gathered, life: Life) -> None:
        if not self._served:
            return
        if self._recorded:
            await self._prime(gathered, life)
        began = life.clock.monotonic()
        batch = self._batches.of((instrument, gathered.opens, None) for instrument in gathered.instruments)
        try:
            opinions = await self._server.predict(batch, deadline_s=self._deadline_s)
        except (TransientError, FatalError) as error:
            self._missed.add(len(batch.windows))
            log.error("not_judged", candles=len(batch.windows), opens=gathered.opens, error=str(error))  # noqa: TRY400  the trace says nothing
            life.degraded(str(error))
            return
        self._took(life.clock.monotonic() - began, opinions)
        incomplete = tuple(i for i in gathered.instruments if not self.windows.whole(i, gathered.opens))
        for opinion in opinions:
            self._tell(opinion, incomplete, as_of=gathered.as_of)
        if not gathered.as_of and gathered.ready_at is not None:
            self._latency.observe(life.clock.monotonic() - gathered.ready_at)
            self._rows.latency(self._latency.reading())

    def _took(self, seconds: float, opinions: Sequence[Opinions]) -> None:
        """From asking the process to its answer, for each model that was asked in this batch."""
        for opinion in opinions:
            self._meters.histogram("inference", (("model", opinion.served.model),)).observe(seconds)
            self._made.add(len(opinion.predictions))

    async def _prime(self, gathered: Gathered, life: Life) -> None:
        """A recording begins where the database ends: its windows are read from there."""
        wanted = {*gathered.instruments, *(self._moments.anchor(instrument) for instrument in gathered.instruments)}
        for instrument in sorted(name for name in wanted if name is not None and name not in self._primed):
            self._primed.add(instrument)
            self.windows.put(await self._stored(instrument, gathered.opens, life))

    async def _stored(self, instrument: InstrumentId, until: int, life: Life) -> tuple[Candle, ...]:
        """Waits for a database that is just starting: a recording is faster than that."""
        start = until - WINDOW * duration_ns(self._timeframe)
        give_up_at = life.clock.monotonic() + _DATABASE_WITHIN_S
        while True:
            try:
                return await self._reader.candles(
                    instrument, self._timeframe, start=start, end=until + 1, limit=WINDOW + 1
                )
            except TransientError as error:
                if life.clock.monotonic() >= give_up_at:
                    log.warning("no_stored_candles", instrument=instrument, error=str(error))
                    return ()
                await life.clock.sleep(_DATABASE_EVERY_S)

    def _tell(self, opinions: Opinions, incomplete: Sequence[InstrumentId], *, as_of: bool) -> None:
        served = opinions.served
        self._bus.publish(
            PredictionsMade(
                role=served.role,
                predictions=opinions.predictions,
                edge=served.edge,
                none_change=served.none_change,
                horizon=served.horizon,
                as_of=as_of,
                ts=self._market.now(),
                incomplete=tuple(incomplete),
            )
        )

    async def _preview(self) -> None:
        """What the champion would say if the forming candle closed now."""
        if Role.CHAMPION not in self._served:
            return
        now = self._batches.forming_now()
        batch = self._batches.of((candle.instrument, candle.open_time, candle) for candle in now)
        if not batch.windows:
            return
        with suppress(TransientError, FatalError):  # a preview that does not come is none
            for opinion in await self._server.predict(batch, deadline_s=self._deadline_s):
                if opinion.served.role is Role.CHAMPION:
                    self._tell(opinion, (), as_of=False)
