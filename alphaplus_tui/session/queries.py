"""Questions of one visitor with typed, paged answers."""

from typing import Generic, TypeVar

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import Timeframe

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


AnyQuery = CandlesBetween | TradesPage | LogPage
"""Every question there is: whoever answers must have a case for each."""
