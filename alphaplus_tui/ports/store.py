"""The database, as services see it: batches in, typed answers out."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Trade
from alphaplus_tui.domain.timeframe import Timeframe


class GapRecord(Struct, frozen=True):
    """Trades of an instrument that were skipped; ``missing`` 0 once they were fetched."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    missing: int
    reason: str
    noticed_at: int
    changed_at: int


class ServiceEvent(Struct, frozen=True):
    """A change of a service's life, kept for later."""

    service: str
    state: str
    reason: str
    ts: int


class Batch(Struct, frozen=True):
    """What is written together, in one transaction. Times in UTC ns."""

    trades: tuple[Trade, ...] = ()
    candles: tuple[Candle, ...] = ()
    gaps: tuple[GapRecord, ...] = ()
    books: tuple[OrderBook, ...] = ()
    service_events: tuple[ServiceEvent, ...] = ()

    def __len__(self) -> int:
        return len(self.trades) + len(self.candles) + len(self.gaps) + len(self.books) + len(self.service_events)


class Written(Struct, frozen=True):
    """What a committed batch came to: rows that are new, and rows that were there already, by table."""

    rows: dict[str, int]
    duplicates: dict[str, int]


class LastTrade(Struct, frozen=True):
    """The newest stored trade of an instrument."""

    seq: int
    ts_event: int


class DatabaseStatistics(Struct, frozen=True):
    """What the database says of itself."""

    version: str
    kind: str
    """``embedded``, ``postgresql`` or ``timescaledb``."""
    schema_version: int
    size_bytes: int
    rows: dict[str, int]
    """Rows by table; estimates for the large ones."""


class StoreWriter(Protocol):
    """Writing. Every method raises ``StoreUnavailable`` where trying again may help."""

    async def register(self, instruments: Sequence[Instrument]) -> None:
        """Make the instruments known; unknown ones in a batch are refused."""
        ...

    async def write(self, batch: Batch) -> Written:
        """Returns after the commit. Rows already there are counted, not an error.

        A candle replaces a stored one when its revision is higher, or when the stored one is incomplete.
        """
        ...

    async def prune(self, now: int, *, trades_days: int, candles_days: int) -> dict[str, int]:
        """Forget live and backfilled rows older than so many days (0: never) before ``now``; rows by table.

        In whole UTC days: the day in which the limit falls goes with the next one.
        """
        ...


class StoreReader(Protocol):
    """Reading, on connections of its own. Every method raises ``StoreUnavailable``, ``DeadlineExceeded``."""

    async def candles(
        self, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, limit: int
    ) -> tuple[Candle, ...]:
        """The newest ``limit`` candles with ``start <= open_time < end`` (UTC ns), oldest first."""
        ...

    async def trades(
        self, instrument: InstrumentId, *, start: int, end: int, limit: int, after_seq: int | None = None
    ) -> tuple[Trade, ...]:
        """At most ``limit`` trades with ``start <= ts_event < end``, from after ``after_seq`` on.

        By time in whole milliseconds, then by seq.
        """
        ...

    async def last_trades(self, instruments: Sequence[InstrumentId]) -> dict[InstrumentId, LastTrade]:
        """The newest stored trade of each instrument that has one."""
        ...

    async def open_gaps(self) -> tuple[GapRecord, ...]:
        """Gaps that still miss trades."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]: ...

    async def statistics(self) -> DatabaseStatistics: ...

    async def ping(self) -> float:
        """Seconds the simplest query took."""
        ...


class Spool(Protocol):
    """Batches on disk while the database is away: oldest first, gone after ``done``."""

    bytes_used: int

    async def append(self, batch: Batch) -> bool:
        """Keep a batch; on disk within 250 ms. False when the spool is full and it was not kept."""
        ...

    async def oldest(self) -> tuple[int, Batch] | None:
        """A mark and the oldest batch not yet done; damaged ones are skipped, counted and logged."""
        ...

    async def done(self, mark: int) -> None:
        """The batch of ``mark`` is committed."""
        ...

    async def sync(self) -> None:
        """Everything appended is on disk when this returns."""
        ...

    async def close(self) -> None: ...
