"""Writes decisions, signals and what became of them, at once, and keeps them on disk while the database is away."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Headline, Outcome, Signal, TrainingRun
from alphaplus_tui.domain.events import (
    AlertChanged,
    DatabaseConnected,
    DecisionMade,
    HeadlineSeen,
    InstrumentsKnown,
    ModelsChanged,
    OutcomeKnown,
    RowsCommitted,
    SignalExplained,
    SignalMade,
    TrainingChanged,
)
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.errors import AlphaPlusError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import Batch, ModelRecord, Spool, StoreReader, StoreWriter
from alphaplus_tui.services.shedding import strangers

T = TypeVar("T")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_ROWS = 1_000
_RETRY_EVERY_S = 0.5
_IN_MEMORY_S = 5.0
_IN_MEMORY_ROWS = 5_000
_LAST_WRITE_S = 0.6
_HANG_AFTER_S = 60.0


class OpinionsService:
    """Rows are taken while their event is published; ``run`` wakes and writes them in one transaction.

    None is ever given up: what the database does not take within seconds goes into a spool of its own, and what that
    does not take stays in memory.
    """

    name = "opinions"
    after: tuple[str, ...] = ("database",)
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        writer: StoreWriter,
        reader: StoreReader,
        spool: Spool,
        bus: Bus,
        *,
        registry: Callable[[], tuple[ModelRecord, ...]],
        clock: Clock,
        market: MarketClock,
        meters: Meters,
    ) -> None:
        """registry: the models of the data folder, to be mirrored; reads the disk."""
        self._writer, self._reader, self._spool, self._bus = writer, reader, spool, bus
        self._registry, self._clock, self._market, self._meters = registry, clock, market, meters
        self._waiting = _Waiting()
        self._pending: Batch | None = None  # taken from the waiting ones, not yet written
        self._oldest_at: float | None = None
        self._mirror_due = True
        self._wake = asyncio.Event()
        self._settled: list[asyncio.Future[None]] = []
        self._unregistered: dict[InstrumentId, Instrument] = {}
        self._registered: set[InstrumentId] = set()
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(DecisionMade, lambda event: self._take(self._waiting.decisions, event.decision))
        bus.on(SignalMade, lambda event: self._take(self._waiting.signals, event.signal))
        bus.on(SignalExplained, lambda event: self._take(self._waiting.signals, event.signal))
        bus.on(OutcomeKnown, lambda event: self._take(self._waiting.outcomes, event.outcome))
        bus.on(HeadlineSeen, lambda event: self._take(self._waiting.headlines, event.headline))
        bus.on(AlertChanged, self._on_alert)
        bus.on(TrainingChanged, self._on_training)
        bus.on(ModelsChanged, self._on_models)
        bus.on(DatabaseConnected, lambda _: self._wake.set())

    async def run(self, life: Life) -> None:
        # a database that is just starting is no fault
        patient_until = life.clock.monotonic() + _IN_MEMORY_S
        life.ready()
        try:
            while True:
                with life.work(_HANG_AFTER_S):
                    away = await self._flush()
                if away:
                    if life.clock.monotonic() >= patient_until:
                        life.degraded(f"waiting for the database: {away}")
                    await self._wait(_RETRY_EVERY_S)
                else:
                    life.healthy()
                    patient_until = life.clock.monotonic()
                    await self._wake.wait()
                self._wake.clear()
        finally:
            await self._last_words()

    async def settled(self) -> None:
        """Returns when everything published so far is committed."""
        settled = asyncio.get_running_loop().create_future()
        self._settled.append(settled)
        self._wake.set()
        await settled

    async def _flush(self) -> str:
        """Why not everything is written; empty when it is."""
        try:
            await self._write_everything()
        except TransientError as error:
            now = self._clock.monotonic()
            self._oldest_at = now if self._oldest_at is None else self._oldest_at
            if now - self._oldest_at > _IN_MEMORY_S or len(self._waiting) > _IN_MEMORY_ROWS:
                await self._spool_everything()
            return str(error) or type(error).__name__
        self._oldest_at = None
        for settled in self._settled:
            if not settled.done():
                settled.set_result(None)
        self._settled.clear()
        return ""

    async def _write_everything(self) -> None:
        while (spooled := await self._spool.oldest()) is not None:
            mark, batch = spooled
            await self._write(batch)
            await self._spool.done(mark)
        if self._mirror_due:
            self._mirror_due = False
            await self._mirror()
        while self._pending is not None or len(self._waiting):
            self._pending = self._pending or self._waiting.batch()
            await self._write(self._pending)
            self._pending = None

    async def _write(self, batch: Batch) -> None:
        known = self._registered | self._unregistered.keys()
        if strangers(batch, known):
            self._registered.update(instrument.id for instrument in await self._reader.instruments())
            for stranger in strangers(batch, self._registered | self._unregistered.keys()):
                self._unregistered[stranger.id] = stranger
        if self._unregistered:
            await self._writer.register(tuple(self._unregistered.values()))
            self._registered |= self._unregistered.keys()
            self._unregistered.clear()
        written = await self._writer.write(batch)
        for table, rows in written.rows.items():
            self._meters.counter("db_write_rows", (("table", table),)).add(rows)
            self._bus.publish(RowsCommitted(table, rows, written.duplicates.get(table, 0), self._market.now()))

    async def _mirror(self) -> None:
        """The database shows what the registry holds; where that cannot be read it keeps what it has."""
        try:
            models = await asyncio.to_thread(self._registry)
        except (AlphaPlusError, OSError) as error:
            log.warning("registry_not_mirrored", error=str(error))
            return
        self._waiting.models.update({model.id: model for model in models})

    async def _spool_everything(self) -> None:
        while self._pending is not None or len(self._waiting):
            self._pending = self._pending or self._waiting.batch()
            if not await self._spool.append(self._pending):
                return  # a full disk: they are few, and stay in memory
            self._pending = None
        self._oldest_at = None

    async def _last_words(self) -> None:
        """To the database within 2 s, else onto the disk."""
        try:
            async with asyncio.timeout(_LAST_WRITE_S):
                await self._write_everything()
        except (TransientError, TimeoutError) as error:
            log.warning("last_opinions_not_written", error=str(error) or type(error).__name__)
        finally:
            await self._spool_everything()
            await self._spool.sync()

    async def _wait(self, within_s: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(within_s))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    def _take(self, rows: list[T], row: T) -> None:
        rows.append(row)
        self._wake.set()

    def _on_training(self, event: TrainingChanged) -> None:
        known = self._waiting.runs_told.get(event.run.id)
        if known != event.run:
            self._waiting.runs_told[event.run.id] = self._waiting.runs[event.run.id] = event.run
            self._wake.set()

    def _on_alert(self, event: AlertChanged) -> None:
        self._waiting.alerts[event.alert.id] = event.alert
        self._wake.set()

    def _on_models(self, event: ModelsChanged) -> None:  # noqa: ARG002  a handler takes its event
        self._mirror_due = True
        self._wake.set()

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._unregistered.update((instrument.id, instrument) for instrument in event.instruments)


class _Waiting:
    """Rows that nobody has begun to write."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.signals: list[Signal] = []
        self.outcomes: list[Outcome] = []
        self.headlines: list[Headline] = []
        self.models: dict[str, ModelRecord] = {}
        self.alerts: dict[str, Alert] = {}
        self.runs: dict[str, TrainingRun] = {}
        self.runs_told: dict[str, TrainingRun] = {}

    def __len__(self) -> int:
        rows = (self.decisions, self.signals, self.outcomes, self.headlines, self.models, self.alerts, self.runs)
        return sum(map(len, rows))

    def batch(self) -> Batch:
        """At most ``_ROWS`` decisions, with them all of the rest."""
        batch = Batch(
            decisions=tuple(self.decisions[:_ROWS]),
            signals=tuple(self.signals),
            outcomes=tuple(self.outcomes),
            headlines=tuple(self.headlines),
            models=tuple(self.models.values()),
            training_runs=tuple(self.runs.values()),
            alerts=tuple(self.alerts.values()),
        )
        del self.decisions[:_ROWS]
        self.signals.clear()
        self.outcomes.clear()
        self.headlines.clear()
        self.models.clear()
        self.alerts.clear()
        self.runs.clear()
        return batch
