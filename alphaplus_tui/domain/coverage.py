"""Which stretches of time are stored whole, where they came from, and what is missing and why."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby

from msgspec import Struct, structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Trade
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time

TRADES = ""
"""The timeframe of trades, which have none."""

OUT_OF_ORDER_NS = 1_000_000_000
"""Numbers and times of one numbering agree but for so much."""

_US_NS = 1_000


class Cover(StrEnum):
    """How a stretch of time is covered."""

    LIVE = "live"
    BACKFILLED = "backfilled"
    IMPORTED = "imported"
    REPLAYED = "replayed"
    GAP = "gap"


class Series(Struct, frozen=True, order=True):
    """What coverage is kept of: an instrument's trades, or its candles of one timeframe."""

    instrument: InstrumentId
    timeframe: str = TRADES

    @property
    def kind(self) -> str:
        return "candles" if self.timeframe else "trades"


class Interval(Struct, frozen=True):
    """Everything from ``first_seq`` to ``last_seq`` is stored, and came one way.

    Trades have their ``seq``; candles are counted from 1970 on in lengths of their timeframe.
    """

    first_seq: int
    last_seq: int
    start: int
    """UTC ns: of the first trade; the opening of the first candle."""
    end: int
    """UTC ns: of the last trade; the close of the last candle."""
    cover: Cover


class Run(Struct, frozen=True):
    """Rows without a hole between them that were just stored."""

    series: Series
    first_seq: int
    last_seq: int
    cover: Cover
    start_of: Callable[[int], int]
    """UTC ns at which the row of a number begins."""
    end_of: Callable[[int], int]
    replaces: bool = False
    """What was there before is replaced by it, as candles are; else the first stands, as with trades."""
    holes: bool = False
    """These are known not to be whole: what was covered there is no longer."""

    def part(self, first_seq: int, last_seq: int) -> Interval:
        return Interval(first_seq, last_seq, self.start_of(first_seq), self.end_of(last_seq), self.cover)


class CoveredTime(Struct, frozen=True):
    """Every trade between two moments (UTC ns, both included) is stored; for instruments without numbers."""

    instrument: InstrumentId
    first: int
    last: int
    cover: Cover

    def run(self) -> Run:
        return Run(Series(self.instrument), self.first, self.last, self.cover, _itself, _itself)


class CoveragePlace(Struct, frozen=True):
    """Where a row stands in the map, which goes by instrument, timeframe (trades first) and time."""

    instrument: InstrumentId
    timeframe: str
    start: int
    """UTC ns."""
    first_seq: int


class CoverageRow(Struct, frozen=True, gc=False):
    """One stretch of the map of what is stored: covered, or a gap with its reason."""

    instrument: InstrumentId
    timeframe: str
    """Empty for trades."""
    cover: Cover
    start: int
    """UTC ns."""
    end: int
    first_seq: int
    last_seq: int
    missing: int = 0
    """Of a gap: how many; 1 or more for an instrument without numbers, where nobody knows."""
    reason: str = ""

    @property
    def place(self) -> CoveragePlace:
        return CoveragePlace(self.instrument, self.timeframe, self.start, self.first_seq)

    @property
    def counted(self) -> bool:
        """False where trades have no numbers: then theirs are UTC ns, and nobody knows how many are missing."""
        return bool(self.timeframe) or abs(self.first_seq - self.start) >= _US_NS


def cover_of(provenance: Provenance) -> Cover:
    """A flat candle was made live, of silence."""
    return _COVERS[provenance]


_COVERS = {
    Provenance.LIVE: Cover.LIVE,
    Provenance.FLAT: Cover.LIVE,
    Provenance.RESAMPLED: Cover.LIVE,
    Provenance.BACKFILLED: Cover.BACKFILLED,
    Provenance.IMPORTED: Cover.IMPORTED,
    Provenance.REPLAYED: Cover.REPLAYED,
}


def runs_of_trades(trades: Iterable[Trade]) -> list[Run]:
    """Of trades that are numbered one by one, in whatever order they come."""
    begun: list[_Begun] = []
    newest: dict[tuple[InstrumentId, Provenance], _Begun] = {}
    for trade in trades:
        key = trade.instrument, trade.provenance
        run = newest.get(key)
        if run is not None and trade.seq == run.last_seq + 1:
            run.last_seq += 1
            run.times.append(trade.ts_event)
        elif run is None or trade.seq != run.last_seq:
            run = newest[key] = _Begun(Series(trade.instrument), cover_of(trade.provenance), trade.seq, trade.ts_event)
            begun.append(run)
    begun.sort(key=lambda run: (run.series, run.cover, run.first_seq))
    joined: list[_Begun] = []
    for run in begun:
        before = joined[-1] if joined else None
        if before is not None and before.goes_on_with(run):
            before.last_seq = run.last_seq
            before.times += run.times
        else:
            joined.append(run)
    return [run.run() for run in joined]


def runs_of_candles(candles: Iterable[Candle]) -> list[Run]:
    """Of closed candles as they are stored now; incomplete ones are holes."""
    runs: list[Run] = []
    for candle in sorted(candles, key=lambda c: (c.instrument, c.timeframe, c.open_time)):
        series, number = Series(candle.instrument, candle.timeframe), candle_number(candle.open_time, candle.timeframe)
        cover, holes = cover_of(candle.provenance), not candle.complete
        before = runs[-1] if runs else None
        if before is not None and (before.series, before.cover, before.holes, before.last_seq + 1) == (
            series, cover, holes, number,
        ):  # fmt: skip
            runs[-1] = structs.replace(before, last_seq=number)
        else:
            runs.append(candle_run(series, number, number, cover, holes=holes))
    return runs


def candle_run(series: Series, first: int, last: int, cover: Cover, *, holes: bool = False) -> Run:
    """Candles by their numbers."""
    timeframe = Timeframe(series.timeframe)

    def start_of(number: int) -> int:
        return candle_opening(number, timeframe)

    def end_of(number: int) -> int:
        return candle_opening(number + 1, timeframe)

    return Run(series, first, last, cover, start_of, end_of, replaces=True, holes=holes)


def candle_number(opens: int, timeframe: Timeframe) -> int:
    """Candles of a timeframe are counted from 1970 on."""
    return (opens - open_time(0, timeframe)) // duration_ns(timeframe)


def candle_opening(number: int, timeframe: Timeframe) -> int:
    """UTC ns; the inverse of ``candle_number``."""
    return number * duration_ns(timeframe) + open_time(0, timeframe)


def without_covered_gaps(rows: Iterable[CoverageRow]) -> Iterator[CoverageRow]:
    """Less the gaps all of which was stored meanwhile: closing them may not have been written down.

    rows: by instrument and timeframe.
    """
    for _, series in groupby(rows, key=lambda row: (row.instrument, row.timeframe)):
        those = list(series)
        covered = sorted((row for row in those if row.cover is not Cover.GAP), key=lambda row: row.first_seq)
        firsts = [row.first_seq for row in covered]
        for row in those:
            if row.cover is not Cover.GAP or not _is_covered(row, covered, firsts):
                yield row


def _is_covered(gap: CoverageRow, covered: Sequence[CoverageRow], firsts: Sequence[int]) -> bool:
    there = 0
    for row in covered[max(0, bisect_left(firsts, gap.first_seq) - 1) : bisect_right(firsts, gap.last_seq)]:
        if row.start <= gap.end + OUT_OF_ORDER_NS and row.end >= gap.start - OUT_OF_ORDER_NS:
            there += max(0, min(row.last_seq, gap.last_seq) - max(row.first_seq, gap.first_seq) + 1)
    return there > gap.last_seq - gap.first_seq


class _Begun:
    """Trades of one origin that follow each other."""

    __slots__ = ("cover", "first_seq", "last_seq", "series", "times")

    def __init__(self, series: Series, cover: Cover, seq: int, ts: int) -> None:
        self.series, self.cover, self.first_seq, self.last_seq = series, cover, seq, seq
        self.times = [ts]

    def goes_on_with(self, later: "_Begun") -> bool:
        return (self.series, self.cover, self.last_seq + 1) == (later.series, later.cover, later.first_seq)

    def run(self) -> Run:
        first, times = self.first_seq, self.times

        def time_of(seq: int) -> int:
            return times[seq - first]

        return Run(self.series, first, self.last_seq, self.cover, time_of, time_of)


def _itself(moment: int) -> int:
    return moment
