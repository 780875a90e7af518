"""Writes batches: one transaction each, done when it is committed, and harmless when it is repeated."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import asyncpg

from alphaplus_tui.domain.coverage import Run, runs_of_candles, runs_of_trades
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Trade
from alphaplus_tui.errors import DeadlineExceeded, FatalError, StoreUnavailable
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch, Written
from alphaplus_tui.storage import book_rows, candle_rows, small_tables
from alphaplus_tui.storage.copy import COLUMNS, ROWS_AT_ONCE, encode
from alphaplus_tui.storage.coverage import CoverageWriter
from alphaplus_tui.storage.gaps import write_gaps
from alphaplus_tui.storage.instants import to_postgres
from alphaplus_tui.storage.known import KnownInstruments
from alphaplus_tui.storage.opinions import forget_decisions, write_opinions
from alphaplus_tui.storage.partitions import BOOKS, CANDLES, DAY_NS, PRUNABLE, TRADES, Partitioned, Partitions
from alphaplus_tui.storage.pool import Pool

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_ROWS_PER_S = 5_000
"""What a batch's deadline allows for, on a machine that is busy with other things."""
_PRUNE_WITHIN_S = 120.0
_CAREFUL_BATCHES = 8
"""So many batches after a duplicate go the way that expects more of them."""

_INCOMING = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_trades (LIKE trades) ON COMMIT DELETE ROWS"
NEW_TRADES = (
    f"INSERT INTO trades ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM incoming_trades "  # noqa: S608 - words of ours
    "ON CONFLICT (instrument_id, ts, trade_id) DO NOTHING"
)
_LACKING_ROWS = """
FROM incoming_trades AS given WHERE NOT EXISTS (
    SELECT FROM trades WHERE (trades.instrument_id, trades.ts, trades.trade_id) =
                             (given.instrument_id, given.ts, given.trade_id)
)
"""
_LACKING = f"SELECT count(*) {_LACKING_ROWS}"
_LACKING_TRADES = (
    f"INSERT INTO trades ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} {_LACKING_ROWS} "
    "ON CONFLICT (instrument_id, ts, trade_id) DO NOTHING"
)
_TRIES = 3


class PostgresWriter:
    """StoreWriter on one pool. Also ``FatalError`` for a batch that can never be stored."""

    def __init__(
        self,
        pool: Pool,
        known: KnownInstruments,
        *,
        meters: Meters,
        deadline_s: float,
        unready: Callable[[], str],
    ) -> None:
        """unready: why the tables cannot be used yet; empty when they can."""
        self._pool, self._known, self._meters, self._deadline_s = pool, known, meters, deadline_s
        self._unready = unready
        self._partitions = Partitions()
        self._coverage = CoverageWriter()
        self._careful = 0

    async def register(self, instruments: Sequence[Instrument]) -> None:
        self._check_ready()
        try:
            async with self._pool.connection(deadline_s=self._deadline_s) as connection:
                await self._known.register(connection, instruments)
        except DeadlineExceeded as error:
            raise StoreUnavailable(str(error)) from error

    async def write(self, batch: Batch) -> Written:
        if not len(batch):
            return Written({}, {})
        self._check_ready()
        started = time.perf_counter()
        try:
            async with self._pool.connection(deadline_s=self._deadline_s + len(batch) / _ROWS_PER_S) as connection:
                try:
                    written = await self._write(connection, batch)
                except (asyncpg.CheckViolationError, asyncpg.UndefinedTableError):
                    # a partition that was there is gone: another process pruned, or restored a backup
                    self._partitions.forget()
                    self._coverage.forget()
                    written = await self._write(connection, batch)
        except DeadlineExceeded as error:
            self._coverage.forget()
            raise StoreUnavailable(str(error)) from error
        except BaseException:
            self._coverage.forget()
            raise
        self._meters.histogram("db_query", (("query", "write"),)).observe(time.perf_counter() - started)
        return written

    async def prune(
        self, now: int, *, trades_days: int, candles_days: int, decisions_days: int = 0, events_days: int = 0
    ) -> dict[str, int]:
        """By whole UTC days: what is left of the day in which the limit falls goes with the next one."""
        self._check_ready()
        pruned: dict[str, int] = {}
        try:
            async with self._pool.connection(deadline_s=_PRUNE_WITHIN_S) as connection:
                for table, days in ((TRADES, trades_days), (BOOKS, trades_days), (CANDLES, candles_days)):
                    if days > 0:
                        pruned[table.table] = await self._prune_table(connection, table, _days_before(now, days))
                await self._coverage.compact(connection, now - DAY_NS, PRUNABLE)
                if decisions_days > 0:
                    pruned["decisions"] = await forget_decisions(connection, _days_before(now, decisions_days))
                if events_days > 0:
                    pruned |= await small_tables.forget_events(connection, _days_before(now, events_days))
        except DeadlineExceeded as error:
            raise StoreUnavailable(str(error)) from error
        return pruned

    async def _prune_table(self, connection: "Connection", table: Partitioned, before: int) -> int:
        rows = await self._partitions.prune(connection, table, before)
        if table.provenance:
            await self._coverage.prune(connection, table.table, before, PRUNABLE)
        return rows

    def _check_ready(self) -> None:
        if reason := self._unready():
            raise StoreUnavailable(reason)

    async def _write(self, connection: "Connection", batch: Batch) -> Written:
        _check_finite(batch.candles, batch.books)
        await self._known.learn(connection, _instruments(batch))
        candles = candle_rows.best(candle for candle in batch.candles if not candle.forming)
        await self._partitions.ensure(connection, TRADES, {trade.ts_event // DAY_NS for trade in batch.trades})
        await self._partitions.ensure(connection, CANDLES, {candle.open_time // DAY_NS for candle in candles})
        await self._partitions.ensure(connection, BOOKS, {book.ts_event // DAY_NS for book in batch.books})
        rows: dict[str, int] = {}
        stored: list[Candle] = []
        number = self._known.number
        async with connection.transaction():
            if batch.trades:
                rows["trades"] = await self._write_trades(connection, batch.trades)
            if candles:
                stored = await self._write_candles(connection, candles)
                rows["candles"] = len(stored)
            if batch.books:
                rows["order_book_snapshots"] = await book_rows.write(connection, batch.books, number)
            if batch.service_events:
                rows["service_events"] = await small_tables.write_service_events(connection, batch.service_events)
            await write_opinions(connection, batch, number, rows)
            # last, as it takes locks that others may wait for
            await self._coverage.cover(connection, self._runs(batch, stored), number)
            if batch.gaps:
                rows["coverage"] = await write_gaps(connection, batch.gaps, number)
        return _written(batch, rows)

    def _runs(self, batch: Batch, candles: Sequence[Candle]) -> list[Run]:
        """What is covered with the batch: numbered trades speak for themselves, of the others somebody must know."""
        numbered = self._known.is_numbered
        runs = runs_of_trades(trade for trade in batch.trades if numbered(trade.instrument))
        runs += runs_of_candles(candles)
        return runs + [covered.run() for covered in batch.covered]

    async def _write_candles(self, connection: "Connection", candles: Sequence[Candle]) -> list[Candle]:
        """Those that are new or took the place of another; none is left out over duplicates in the columnstore."""
        times = [to_postgres(candle.open_time) for candle in candles]
        columnstore = await self._partitions.is_compressed(connection, CANDLES, min(times), max(times))
        return await candle_rows.write(connection, candles, self._known.number, columnstore=columnstore)

    async def _write_trades(self, connection: "Connection", trades: Sequence[Trade]) -> int:
        """Straight in where all are new; else through a table that lets duplicates be left out."""
        if not self._careful:
            try:
                async with connection.transaction():
                    return await self._copy(connection, "trades", trades)
            except asyncpg.UniqueViolationError:
                self._careful = _CAREFUL_BATCHES
        await connection.execute(_INCOMING)
        await self._copy(connection, "incoming_trades", trades)
        new = _count(await connection.execute(NEW_TRADES))
        times = [to_postgres(trade.ts_event) for trade in trades]
        if await self._partitions.is_compressed(connection, TRADES, min(times) - 1000, max(times)):
            new += await self._complete(connection)
        self._careful = self._careful - 1 if new == len(trades) else _CAREFUL_BATCHES
        return new

    async def _complete(self, connection: "Connection") -> int:
        """A write over duplicates in the columnstore may leave out others: what is not there is written again."""
        added = 0
        for _ in range(_TRIES):
            if not await connection.fetchval(_LACKING):
                return added
            added += _count(await connection.execute(_LACKING_TRADES))
        lacking = await connection.fetchval(_LACKING)
        if lacking:
            raise StoreUnavailable(f"{lacking} trades were written and are not there")
        return added

    async def _copy(self, connection: "Connection", table: str, trades: Sequence[Trade]) -> int:
        """In pieces; each is encoded while the server takes in the one before."""
        rows = 0
        underway: asyncio.Task[str] | None = None
        try:
            for start in range(0, len(trades), ROWS_AT_ONCE):
                piece = encode(trades[start : start + ROWS_AT_ONCE], self._known.number)
                if underway is not None:
                    rows += _count(await underway)
                underway = asyncio.create_task(_send(connection, table, piece))
                await asyncio.sleep(0)
            return rows + (_count(await underway) if underway is not None else 0)
        finally:
            if underway is not None and not underway.done():
                underway.cancel()
                await asyncio.wait({underway})


async def _send(connection: "Connection", table: str, piece: bytes) -> str:
    """From one buffer: asyncpg would not hear of a connection that breaks while it waits to send the next."""
    return await connection.copy_to_table(
        table,
        source=memoryview(piece),  # pyright: ignore[reportArgumentType] - asyncpg takes buffers, its stubs do not know
        columns=COLUMNS,
        format="binary",
    )


def _count(done: str) -> int:
    """Of ``COPY 12`` or ``INSERT 0 12``."""
    return int(done.rpartition(" ")[2])


def _instruments(batch: Batch) -> set[InstrumentId]:
    written = (batch.trades, batch.candles, batch.gaps, batch.books, batch.covered)
    found = {row.instrument for rows in written for row in rows}
    found.update(decision.prediction.instrument for decision in batch.decisions)
    found.update(alert.instrument for alert in batch.alerts if alert.instrument is not None)
    return found.union(signal.instrument for signal in batch.signals)


def _written(batch: Batch, rows: dict[str, int]) -> Written:
    given = {
        "trades": len(batch.trades),
        "candles": sum(not candle.forming for candle in batch.candles),
        "coverage": len(batch.gaps),
        "order_book_snapshots": len(batch.books),
        "service_events": len(batch.service_events),
        "decisions": len(batch.decisions),
        "signals": len(batch.signals),
        "outcomes": len(batch.outcomes),
        "sentiment": len(batch.headlines),
        "models": len(batch.models),
        "training_runs": len(batch.training_runs),
        "alerts": len(batch.alerts),
    }
    return Written(rows, {table: given[table] - count for table, count in rows.items()})


def _check_finite(candles: Sequence[Candle], books: Sequence[OrderBook]) -> None:
    for candle in candles:
        numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.buy_volume or 0.0)
        if not all(map(math.isfinite, numbers)):
            raise FatalError(f"a candle with a number that is not finite cannot be stored: {candle}")
    for book in books:
        if not all(math.isfinite(level.price + level.quantity) for level in (*book.bids, *book.asks)):
            raise FatalError(f"an order book with a number that is not finite cannot be stored: {book.instrument}")


def _days_before(now: int, days: int) -> int:
    """The beginning (UTC ns) of the day so many days before that of ``now``."""
    return (now // DAY_NS - days) * DAY_NS
