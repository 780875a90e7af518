"""The database, as services see it: batches in, typed answers out."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import (
    Decision,
    Direction,
    Headline,
    Mood,
    Outcome,
    Probabilities,
    Role,
    Signal,
    TrainingRun,
)
from alphaplus_tui.domain.coverage import CoveragePlace, CoverageRow, CoveredTime
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Trade
from alphaplus_tui.domain.timeframe import Timeframe


class GapRecord(Struct, frozen=True):
    """Trades or candles of an instrument that are not there; ``missing`` 0 once they were fetched."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    missing: int
    reason: str
    noticed_at: int
    changed_at: int
    start: int = 0
    """UTC ns: the last trade known before it."""
    end: int = 0
    """UTC ns: the first trade known after it."""
    timeframe: str = ""
    """Of candles, whose numbers count from 1970 on; empty for trades."""


class ServiceEvent(Struct, frozen=True):
    """A change of a service's life, kept for later."""

    service: str
    state: str
    reason: str
    ts: int


class ModelRecord(Struct, frozen=True):
    """A model of the registry, as it is mirrored for queries; the folder is the truth."""

    id: str
    stage: str
    pinned: bool
    added_at: int
    changed_at: int
    reason: str
    timeframe: str
    instruments: tuple[str, ...]
    engines: tuple[str, ...]
    edge: bool
    verdict: str
    metrics: dict[str, float]
    trained_from: int
    trained_until: int
    rows: int
    origin: str = "trained"
    trouble: str = ""
    """Why it cannot be opened; what its manifest says is then not known."""


class Scored(Struct, frozen=True):
    """What a line of the scoreboard is made of: a decision whose barriers were resolved."""

    id: str
    role: Role
    model: str
    instrument: InstrumentId
    lean: Direction
    signal: bool
    """It passed every gate as the champion's, when its candle closed."""
    close_time: int
    probabilities: Probabilities
    outcome: Outcome


class Batch(Struct, frozen=True):
    """What is written together, in one transaction. Times in UTC ns."""

    trades: tuple[Trade, ...] = ()
    candles: tuple[Candle, ...] = ()
    gaps: tuple[GapRecord, ...] = ()
    books: tuple[OrderBook, ...] = ()
    service_events: tuple[ServiceEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    signals: tuple[Signal, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    headlines: tuple[Headline, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    training_runs: tuple[TrainingRun, ...] = ()
    alerts: tuple[Alert, ...] = ()
    covered: tuple[CoveredTime, ...] = ()
    """Of instruments whose trades are not numbered: between which moments all trades are stored, with this batch."""

    def __len__(self) -> int:
        return sum(len(getattr(self, field)) for field in self.__struct_fields__)


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
    layout: str = ""
    """How the large tables are kept, in words."""


class StoreWriter(Protocol):
    """Writing. Every method raises ``StoreUnavailable`` where trying again may help."""

    async def register(self, instruments: Sequence[Instrument]) -> None:
        """Make the instruments known; unknown ones in a batch are refused."""
        ...

    async def write(self, batch: Batch) -> Written:
        """Returns after the commit. Rows already there are counted, not an error.

        A candle replaces a stored one when its revision is higher, or when the stored one is incomplete. Models,
        training runs and alerts replace what is stored of them; of decisions, signals, outcomes and headlines the first
        stands, but what moved a signal may come later.
        """
        ...

    async def prune(
        self, now: int, *, trades_days: int, candles_days: int, decisions_days: int = 0, events_days: int = 0
    ) -> dict[str, int]:
        """Forget live and backfilled rows older than so many days (0: never) before ``now``; rows by table.

        ``events_days`` is of alerts and of what services did. With a decision its outcome goes, but for signals, which
        stay with theirs. The map of what is covered forgets what was pruned, and after a day which parts of a whole
        stretch were fetched later.
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
        """At most ``limit`` trades with ``start <= ts_event < end``, by seq, from after ``after_seq`` on."""
        ...

    async def made_candles(
        self, instrument: InstrumentId, timeframe: Timeframe, source: Timeframe, *, start: int, end: int, limit: int
    ) -> tuple[Candle, ...] | None:
        """As ``candles``, of a timeframe that the database makes of ``source`` by itself; None where it does not."""
        ...

    async def last_trades(self, instruments: Sequence[InstrumentId]) -> dict[InstrumentId, LastTrade]:
        """The newest stored trade of each instrument that has one; without numbers, up to where all are known."""
        ...

    async def open_gaps(self) -> tuple[GapRecord, ...]:
        """Gaps that still miss trades."""
        ...

    async def coverage(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, limit: int
    ) -> tuple[CoverageRow, ...]:
        """The newest ``limit`` stretches that touch ``start`` to ``end`` (UTC ns), by instrument, timeframe and time.

        instruments: all when empty. Never reads the trades or candles themselves.
        """
        ...

    async def coverage_from(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, place: CoveragePlace | None, limit: int
    ) -> tuple[CoverageRow, ...]:
        """As ``coverage``, but the first ``limit`` rows at or after ``place``, or of all."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]: ...

    async def timeframes(self, instrument: InstrumentId) -> tuple[Timeframe, ...]:
        """Those of which candles are stored, shortest first."""
        ...

    async def decision(self, decision: str) -> Decision | None:
        """By its id."""
        ...

    async def outcome(self, decision: str) -> Outcome | None:
        """What became of a decision's barriers, by its id."""
        ...

    async def decision_at(self, instrument: InstrumentId, ts: int) -> Decision | None:
        """The champion's decision on the candle that closed last at or before ``ts``; None when none was stored."""
        ...

    async def decisions(
        self, instrument: InstrumentId | None, *, before: int, limit: int, gate: str = ""
    ) -> tuple[Decision, ...]:
        """The newest ``limit`` that were made before ``before``, newest first.

        gate: only those that it held back; ``passed``: only those that became signals.
        """
        ...

    async def signals(
        self, instrument: InstrumentId | None, *, before: int, limit: int
    ) -> tuple[tuple[Signal, Outcome | None], ...]:
        """The newest ``limit`` that were made before ``before``, newest first, and what became of them."""
        ...

    async def unresolved(self, *, since: int, limit: int) -> tuple[Decision, ...]:
        """Decisions with barriers and no outcome, on candles that closed at or after ``since``; oldest first."""
        ...

    async def scored(self, *, since: int, limit: int) -> tuple[Scored, ...]:
        """The newest ``limit`` that were resolved at or after ``since``, newest first."""
        ...

    async def headlines(self, *, since: int, limit: int) -> tuple[Headline, ...]:
        """The newest ``limit`` that were published at or after ``since``, newest first."""
        ...

    async def mood(self, *, since: int, until: int) -> Mood | None:
        """Of all headlines seen at or after ``since`` and before ``until``; None when none was ever seen."""
        ...

    async def models(self) -> tuple[ModelRecord, ...]:
        """The mirror of the registry, newest first."""
        ...

    async def training_runs(self, *, limit: int) -> tuple[TrainingRun, ...]:
        """Newest first."""
        ...

    async def alerts(
        self, instrument: InstrumentId | None, *, since: int, before: int, limit: int
    ) -> tuple[Alert, ...]:
        """The newest ``limit`` with ``since <= raised_at < before`` (UTC ns), newest first; None: of all subjects."""
        ...

    async def statistics(self) -> DatabaseStatistics: ...

    async def ping(self) -> float:
        """Seconds the simplest query took."""
        ...


class Spool(Protocol):
    """Batches on disk while the database is away: oldest first, gone after ``done``."""

    bytes_used: int

    async def append(self, batch: Batch) -> int:
        """Keep a batch; on disk within 250 ms. Its mark, higher than those before; 0: the spool is full, not kept."""
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
