"""Writes what happened to the database; to the spool while the database is away."""

import asyncio
from time import perf_counter_ns

import structlog

from alphaplus_tui.domain.events import (
    DatabaseConnected,
    RowsCommitted,
    TradeAccepted,
    TradeRestored,
)
from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import Batch, Spool, StoreReader, StoreWriter, Written
from alphaplus_tui.services.absence import Absence
from alphaplus_tui.services.buffer import BATCH_ROWS, WriteBuffer
from alphaplus_tui.services.earlier_runs import EarlierRuns
from alphaplus_tui.services.followed import FollowedInstruments
from alphaplus_tui.services.intake import Intake
from alphaplus_tui.services.shedding import ShedTrades

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_FLUSH_EVERY_S = 0.1
_IN_MEMORY_S = 5.0
_IN_MEMORY_BYTES = 64 * 1024 * 1024
_IN_MEMORY_TRADES = 200_000
"""While nobody writes at all, as the service was stopped."""
_LONGEST_ROUND_S = 1.0
"""Then it is looked how things are, although more waits to be written."""
_LAST_FLUSH_S = 0.6
_LAST_RETRY_S = 0.1
_HANG_AFTER_S = 60.0


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
        self._absence = Absence(patient_until=clock.monotonic() + _IN_MEMORY_S)
        self._first_spooled = 0
        """Mark of the first batch of this run that went to the spool; those before are of earlier runs. 0: none."""
        self._shed = ShedTrades()
        self._earlier = EarlierRuns(reader)
        self._running = False
        self._followed = FollowedInstruments(writer, reader, bus)
        self._intake = Intake(self._buffer, bus, market)
        self._settled: list[asyncio.Future[None]] = []
        self._wire_to_commit = meters.histogram("wire_to_commit")
        self._committed = meters.counter("trades_committed")
        self._buffered_rows, self._spool_bytes = meters.gauge("buffered_rows"), meters.gauge("spool_bytes")
        bus.on(TradeAccepted, self._on_trade)
        bus.on(TradeRestored, self._on_trade)
        bus.on(DatabaseConnected, lambda _: self._absence.try_at_once())

    async def run(self, life: Life) -> None:
        self._running = True
        self._absence.begin(patient_until=self._clock.monotonic() + _IN_MEMORY_S)
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
        if self._absence.may_try(now):
            try:
                await self._write_everything()
            except TransientError as error:
                self._absence.failed(error, now)
            else:
                self._absence.answered()
        await self._relieve_memory()
        self._absence.say(life, now)
        self._buffered_rows.set(len(self._buffer) + (len(self._pending[0]) if self._pending else 0))
        self._spool_bytes.set(self._spool.bytes_used)

    async def _write_everything(self) -> None:
        """What the spool holds first, then what came since; raises where the database does not answer.

        Where the last run ended is read when all is written that it left, and nothing yet of this run.
        """
        while (spooled := await self._spool.oldest()) is not None:
            mark, batch = spooled
            if self._first_spooled and mark >= self._first_spooled:
                if not self._followed:
                    return
                await self._followed.tell_last_trades()
            await self._write_spooled(batch, earlier=not self._first_spooled or mark < self._first_spooled)
            await self._spool.done(mark)
            await self._relieve_memory()
        if not self._followed and len(self._buffer):
            return  # nothing can be written before it is known what is followed
        await self._followed.tell_last_trades()
        await self._followed.register()
        for shed in self._shed.take(self._market.now()):
            self._bus.publish(shed)
        began = self._clock.monotonic()
        while self._pending is not None or len(self._buffer):
            if self._pending is None and self._followed.untold():
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

    async def _write_spooled(self, batch: Batch, *, earlier: bool) -> None:
        """earlier: of another run, which may have missed trades without knowing."""
        try:
            await self._followed.register_strangers(batch)
            whole = await self._earlier.with_holes(batch, self._market.now()) if earlier else batch
            self._commit(await self._writer.write(whole), ())
        except TransientError:
            self._earlier.forget()
            raise

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
        too_old = self._absence.reason and self._oldest_at is not None and now - self._oldest_at > _IN_MEMORY_S
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
            log.warning("last_rows_go_to_the_spool", rows=len(self._buffer), reason=self._absence.reason)
        finally:
            await self._spool_everything()
            await self._spool.sync()

    async def _written(self) -> bool:
        """Whether nothing is left to write, or nothing can be."""
        try:
            while self._pending is not None or len(self._buffer):
                await self._write_everything()
                if not self._followed or self._followed.untold():
                    break
        except TransientError as error:
            self._absence.failed(error, self._clock.monotonic())
            return False
        return True

    def _on_trade(self, event: TradeAccepted | TradeRestored) -> None:
        self._buffer.add_trade(event.trade)
        if not self._running and len(self._buffer.trades) > _IN_MEMORY_TRADES:
            self._shed.remember(self._buffer.drop_trades_and_books())
