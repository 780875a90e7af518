"""Questions of one visitor with typed, paged answers."""

from typing import Generic, TypeVar

from msgspec import Struct

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Explanation
from alphaplus_tui.domain.coverage import CoveragePlace, CoverageRow
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.state.slices import SignalRow

A = TypeVar("A", covariant=True)


class Query(Struct, Generic[A], frozen=True):
    """A question whose answer is an ``A``."""


class CandlesBetween(Query[tuple[Candle, ...]], frozen=True, tag=True):
    """The newest ``limit`` stored candles with ``start <= open_time < end`` (UTC ns), oldest first."""

    instrument: InstrumentId
    timeframe: Timeframe
    start: int
    end: int
    limit: int = 1000


class TradesPage(Query[tuple[Trade, ...]], frozen=True, tag=True):
    """At most ``limit`` stored trades with ``start <= ts_event < end``, by seq, after ``after_seq``."""

    instrument: InstrumentId
    start: int
    end: int
    limit: int = 1000
    after_seq: int | None = None


class LogLine(Struct, frozen=True):
    """One line of the log on disk."""

    cursor: str
    """Names its place; pages go on from it."""
    ts: int
    level: str
    """debug, info, warning, error or critical."""
    service: str
    event: str
    fields: tuple[tuple[str, str], ...]
    exception: str


class LogAnswer(Struct, frozen=True):
    """A page of the log, oldest line first."""

    lines: tuple[LogLine, ...]
    more: bool
    """Whether there is more in the direction that was asked for."""


class LogPage(Query[LogAnswer], frozen=True, tag=True):
    """A page of the log: the newest lines, or those before or after a cursor, that match all of these."""

    before: str | None = None
    after: str | None = None
    limit: int = 200
    min_level: str = "debug"
    service: str = ""
    """Only this service's; empty: all."""
    search: str = ""
    """Only lines that hold this text (case does not matter)."""


class DecisionAt(Query[Decision | None], frozen=True, tag=True):
    """The champion's decision on the candle that closed last at or before ``ts`` (UTC ns)."""

    instrument: InstrumentId
    ts: int


class DecisionsPage(Query[tuple[Decision, ...]], frozen=True, tag=True):
    """The newest ``limit`` decisions before ``before`` (UTC ns), newest first; of all instruments when it is empty."""

    instrument: str = ""
    before: int | None = None
    limit: int = 200
    gate: str = ""
    """Only those that this gate held back; ``passed``: only those that became signals."""


class SignalsPage(Query[tuple[SignalRow, ...]], frozen=True, tag=True):
    """The newest ``limit`` signals made before ``before`` (UTC ns) with what became of them, newest first."""

    instrument: str = ""
    before: int | None = None
    limit: int = 200


class Explain(Query[Explanation], frozen=True, tag=True):
    """Contributions to a stored decision; computed on demand in a process of their own."""

    decision: str


class ModelReport(Query[str], frozen=True, tag=True):
    """The report of a model's training, JSON (``learning.report.Report``)."""

    model: str


class AlertsPage(Query[tuple[Alert, ...]], frozen=True, tag=True):
    """The newest ``limit`` alerts with ``since <= raised_at < before`` (UTC ns), newest first."""

    instrument: str = ""
    """Only those about this instrument; empty: all."""
    since: int = 0
    before: int | None = None
    limit: int = 200


class CoverageMap(Query[tuple[CoverageRow, ...]], frozen=True, tag=True):
    """What is stored whole between two moments (UTC ns), how it came, and the gaps with their reason.

    By instrument, timeframe (trades first) and time; of the newest ``limit`` stretches.
    """

    instrument: str = ""
    """Only this one; empty: all."""
    start: int = 0
    end: int | None = None
    """None: now."""
    limit: int = 1_000


class CoveragePage(Query[tuple[CoverageRow, ...]], frozen=True, tag=True):
    """The map page by page in its own order: instrument, timeframe (trades first) and time."""

    instrument: str = ""
    """Only this one; empty: all."""
    start: int = 0
    after: CoveragePlace | None = None
    """The last row of the page before."""
    limit: int = 100


AnyQuery = (
    CandlesBetween
    | TradesPage
    | LogPage
    | DecisionAt
    | DecisionsPage
    | SignalsPage
    | Explain
    | ModelReport
    | AlertsPage
    | CoverageMap
    | CoveragePage
)
"""Every question there is: whoever answers must have a case for each."""
