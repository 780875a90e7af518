"""Writes what happened to the database; to the spool while the database is away."""

import asyncio
from time import perf_counter_ns

import structlog
from msgspec import structs

from alphaplus_tui.domain.events import (
    CandleClosed,
    DatabaseConnected,
    GapChanged,
    GapOpened,
    HistoryLoaded,
    InstrumentsKnown,
    LastTradesKnown,
    OrderBookChanged,
    RowsCommitted,
    TradeAccepted,
    TradeRestored,
    TradesCovered,
)
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life, ServiceStatus
from alphaplus_tui.ports.store import Batch, GapRecord, ServiceEvent, Spool, StoreReader, StoreWriter, Written
from alphaplus_tui.services.buffer import BATCH_ROWS, WriteBuffer
from alphaplus_tui.services.shedding import ShedTrades, strangers

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_FLUSH_EVERY_S = 0.1
_RETRY_EVERY_S = 0.5
_IN_MEMORY_S = 5.0
_IN_MEMORY_BYTES = 64 * 1024 * 1024
_IN_MEMORY_TRADES = 200_000
"""While nobody writes at all, as the service was stopped."""
_LONGEST_ROUND_S = 1.0
"""Then it is looked how things are, although more waits to be written."""
_LAST_FLUSH_S = 0.6
_LAST_RETRY_S = 0.1
_HANG_AFTER_S = 60.0
_BOOK_EVERY_NS = 10_000_000_000


class PersistenceService:
    """Rows are buffered while their event is published; ``run`` writes them, oldest first.

    In memory at most 5 s or 64 MB of what cannot be written, then in the spool. When that is full, order books are
    dropped and trades are no longer kept; once there is room they are told as TradesShed.
    """

    name = "persistence"
    after: tuple[str, ...] = ("database",)
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        writer: StoreWriter,
        reader: StoreReader,
        spool: Spool,
        bus: Bus,
        *,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
    ) -> None:
        self._writer, self._reader, self._spool, self._bus = writer, reader, spool, bus
        self._clock, self._market, self._meters = clock, market, meters
        self._buffer = WriteBuffer()
        self._pending: tuple[Batch, list[int]] | None = None  # taken from the buffer, not yet written
        self._oldest_at: float | None = None
        self._retry_at = 0.0
        self._away = ""
        self._away_told = False
        self._patient_until = clock.monotonic() + _IN_MEMORY_S
        self._first_spooled = 0
        """Mark of the first batch of this run that went to the spool; those before are of earlier runs. 0: none."""
        self._shed = ShedTrades()
        self._running = False
        self._told: dict[tuple[InstrumentId, int], GapRecord] = {}
        self._book_at: dict[InstrumentId, int] = {}
        self._followed: tuple[InstrumentId, ...] = ()
        self._unregistered: dict[InstrumentId, Instrument] = {}
        self._registered: set[InstrumentId] = set()
        self._last_trades_told: set[InstrumentId] = set()
        self._settled: list[asyncio.Future[None]] = []
        self._wire_to_commit = meters.histogram("wire_to_commit")
        self._committed = meters.counter("trades_committed")
        self._buffered_rows, self._spool_bytes = meters.gauge("buffered_rows"), meters.gauge("spool_bytes")
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(TradeAccepted, self._on_trade)
        bus.on(TradeRestored, self._on_trade)
        bus.on(CandleClosed, lambda event: self._buffer.add_candle(event.candle))
        bus.on(HistoryLoaded, self._on_history)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)
        bus.on(TradesCovered, lambda event: self._buffer.covered.append(event.covered))
        bus.on(OrderBookChanged, self._on_book)
        bus.on(ServiceStatus, self._on_service)
        bus.on(DatabaseConnected, self._on_database_connected)

    async def run(self, life: Life) -> None:
        self._running = True
        self._patient_until = self._clock.monotonic() + _IN_MEMORY_S
        life.ready()
        try:
            while True:
                await self._clock.sleep(_FLUSH_EVERY_S)
                with life.work(_HANG_AFTER_S):
                    await self._flush(life)
        finally:
            self._running = False
            await self._last_words()

    async def settled(self) -> None:
        """Returns when everything published so far is committed."""
        settled = asyncio.get_running_loop().create_future()
        self._settled.append(settled)
        await settled

    async def _flush(self, life: Life) -> None:
        now = self._clock.monotonic()
        if len(self._buffer) and self._oldest_at is None:
            self._oldest_at = now
        if now >= self._retry_at:
            try:
                await self._write_everything()
            except TransientError as error:
                self._retry_at = now + _RETRY_EVERY_S
                self._away = str(error) or type(error).__name__
            else:
                self._away = ""
        await self._relieve_memory()
        self._say_how_it_is(life, now)
        self._buffered_rows.set(len(self._buffer) + (len(self._pending[0]) if self._pending else 0))
        self._spool_bytes.set(self._spool.bytes_used)

    def _say_how_it_is(self, life: Life, now: float) -> None:
        """Edges are logged; a database that is just starting is none."""
        if not self._away:
            if self._away_told:
                log.info("database_back")
            self._away_told, self._patient_until = False, now
            life.healthy()
        elif now >= self._patient_until:
            if not self._away_told:
                log.warning("database_away", error=self._away)
            self._away_told = True
            life.degraded(f"waiting for the database: {self._away}")

    async def _write_everything(self) -> None:
        """What the spool holds first, then what came since; raises where the database does not answer.

        Where the last run ended is read when all is written that it left, and nothing yet of this run.
        """
        while (spooled := await self._spool.oldest()) is not None:
            mark, batch = spooled
            if self._first_spooled and mark >= self._first_spooled:
                if not self._followed:
                    return
                await self._tell_last_trades()
            await self._meet_strangers(batch)
            self._commit(await self._writer.write(batch), ())
            await self._spool.done(mark)
            await self._relieve_memory()
        if not self._followed and len(self._buffer):
            return  # nothing can be written before it is known what is followed
        await self._tell_last_trades()
        await self._register()
        for shed in self._shed.take(self._market.now()):
            self._bus.publish(shed)
        began = self._clock.monotonic()
        while self._pending is not None or len(self._buffer):
            if self._pending is None and self._untold():
                return  # an exchange answered meanwhile: its past is read before anything of it is written
            batch, came = self._pending = self._pending or self._buffer.take()
            self._commit(await self._writer.write(batch), came)
            self._pending = None
            if not self._buffer.is_behind or self._clock.monotonic() - began > _LONGEST_ROUND_S:
                break  # the rest can wait for the next round
        self._oldest_at = None
        if not len(self._buffer):
            for settled in self._settled:
                if not settled.done():
                    settled.set_result(None)
            self._settled.clear()

    async def _tell_last_trades(self) -> None:
        while untold := self._untold():
            await self._register()
            last = await self._reader.last_trades(untold)
            self._last_trades_told.update(untold)
            self._bus.publish(
                LastTradesKnown(tuple((instrument, trade.seq, trade.ts_event) for instrument, trade in last.items()))
            )

    def _untold(self) -> tuple[InstrumentId, ...]:
        """Followed instruments of which it was not told where the last run ended."""
        return tuple(name for name in self._followed if name not in self._last_trades_told)

    async def _register(self) -> None:
        if self._unregistered:
            instruments = tuple(self._unregistered.values())
            await self._writer.register(instruments)
            for instrument in instruments:
                self._registered.add(instrument.id)
                self._unregistered.pop(instrument.id, None)

    def _commit(self, written: Written, came: "list[int] | tuple[()]") -> None:
        now = perf_counter_ns()
        observe = self._wire_to_commit.observe
        for moment in came:
            if moment:
                observe((now - moment) * 1e-9)
        self._committed.add(written.rows.get("trades", 0))
        at = self._market.now()
        for table, rows in written.rows.items():
            if rows or written.duplicates.get(table):
                self._meters.counter("db_write_rows", (("table", table),)).add(rows)
                self._bus.publish(RowsCommitted(table, rows, written.duplicates.get(table, 0), at))

    async def _relieve_memory(self) -> None:
        """Put on disk what has waited too long, or takes too much room."""
        now = self._clock.monotonic()
        too_old = self._away and self._oldest_at is not None and now - self._oldest_at > _IN_MEMORY_S
        if too_old or self._buffer.bytes_used > _IN_MEMORY_BYTES:
            await self._spool_everything()

    async def _spool_everything(self) -> None:
        while self._pending is not None or len(self._buffer):
            batch, _ = self._pending or self._buffer.take(BATCH_ROWS)
            self._pending = batch, []
            if not await self._spooled(batch):
                batch = self._shed.lighten(batch)
                self._buffer.covered.clear()  # what it says would no longer be so
                self._pending = batch, []
                if len(batch) and not await self._spooled(batch):
                    self._shed.remember(self._buffer.drop_trades_and_books())
                    return  # candles and gaps are few: they stay in memory
            self._pending = None
        self._oldest_at = None

    async def _spooled(self, batch: Batch) -> bool:
        mark = await self._spool.append(batch)
        self._first_spooled = self._first_spooled or mark
        return bool(mark)

    async def _last_words(self) -> None:
        """To the database if it answers soon, else onto the disk."""
        try:
            async with asyncio.timeout(_LAST_FLUSH_S):
                while not await self._written():
                    await self._clock.sleep(_LAST_RETRY_S)
        except TimeoutError:
            log.warning("last_rows_go_to_the_spool", rows=len(self._buffer), reason=self._away)
        finally:
            await self._spool_everything()
            await self._spool.sync()

    async def _written(self) -> bool:
        """Whether nothing is left to write, or nothing can be."""
        try:
            while self._pending is not None or len(self._buffer):
                await self._write_everything()
                if not self._followed or self._untold():
                    break
        except TransientError as error:
            self._away = str(error) or type(error).__name__
            return False
        return True

    async def _meet_strangers(self, batch: Batch) -> None:
        """A batch of an earlier run may name instruments that this one does not follow."""
        if strangers(batch, self._registered | self._unregistered.keys()):
            self._registered.update(instrument.id for instrument in await self._reader.instruments())
            for stranger in strangers(batch, self._registered | self._unregistered.keys()):
                self._unregistered[stranger.id] = stranger
        await self._register()

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._followed = tuple(instrument.id for instrument in event.instruments)
        self._unregistered.update((instrument.id, instrument) for instrument in event.instruments)

    def _on_history(self, event: HistoryLoaded) -> None:
        if not event.stored:
            for candle in event.candles:
                if not candle.forming:
                    self._buffer.add_past(candle)

    def _on_trade(self, event: TradeAccepted | TradeRestored) -> None:
        self._buffer.add_trade(event.trade)
        if not self._running and len(self._buffer.trades) > _IN_MEMORY_TRADES:
            self._shed.remember(self._buffer.drop_trades_and_books())

    def _on_gap_opened(self, event: GapOpened) -> None:
        missing = event.last_seq - event.first_seq + 1 if event.numbered else 1
        self._tell_gap(event, missing, "")

    def _on_gap_changed(self, event: GapChanged) -> None:
        self._tell_gap(event, event.missing, event.reason)

    def _tell_gap(self, event: GapOpened | GapChanged, missing: int, reason: str) -> None:
        """Of two words about a gap the later one stands, so each gets a later time, also when the clock stands."""
        record = GapRecord(
            event.instrument,
            event.first_seq,
            event.last_seq,
            missing,
            reason,
            event.ts,
            event.ts,
            event.start,
            event.end,
        )
        key = (record.instrument, record.first_seq)
        before = self._told.get(key)
        if before is not None and before.last_seq == record.last_seq:
            changed_at = max(record.changed_at, before.changed_at + 1_000)
            record = structs.replace(record, noticed_at=before.noticed_at, changed_at=changed_at)
        self._buffer.gaps[key] = self._told[key] = record
        if not record.missing:
            del self._told[key]

    def _on_book(self, event: OrderBookChanged) -> None:
        book = event.book
        if book.ts_event - self._book_at.get(book.instrument, 0) >= _BOOK_EVERY_NS:
            self._book_at[book.instrument] = book.ts_event
            self._buffer.books.append(book)

    def _on_service(self, status: ServiceStatus) -> None:
        self._buffer.service_events.append(
            ServiceEvent(status.name, status.state.name, status.reason or "", self._market.now())
        )

    def _on_database_connected(self, event: DatabaseConnected) -> None:  # noqa: ARG002  a handler takes its event
        self._retry_at = 0.0
