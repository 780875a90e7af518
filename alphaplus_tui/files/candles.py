"""Makes candles of what files hold: in order, each checked, with the holes between them."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import isnan

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.pairs import unified_symbol
from alphaplus_tui.domain.timeframe import DAY_NS, TIMEFRAMES, Timeframe, duration_ns, open_time, parse_timeframe
from alphaplus_tui.files.candle_tables import Series, read_series
from alphaplus_tui.files.guess import Guess
from alphaplus_tui.files.layouts import PRICES
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import TROUBLE, Source, UnreadableFile


class Hole(Struct, frozen=True):
    """Candles that are missing between two that are there."""

    first: int
    """Opening time of the first missing one, UTC ns."""
    missing: int


class CandleFile(Struct, frozen=True):
    """What a file holds of one instrument and timeframe: columns of equal length, oldest first."""

    exchange: str
    """Empty where the file does not say."""
    symbol: str
    timeframe: Timeframe
    open_time: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]
    """``open high low close volume``, and ``trades``, ``buy_volume`` where the file has them."""
    holes: tuple[Hole, ...]
    complete: bool = True
    """False for candles made of quotes, which know nothing of trades."""

    def __len__(self) -> int:
        return len(self.open_time)

    @property
    def missing(self) -> int:
        return sum(hole.missing for hole in self.holes)

    def candles(self, instrument: InstrumentId) -> Iterator[Candle]:
        """One by one, provenance IMPORTED."""
        trades, bought = self.columns.get("trades"), self.columns.get("buy_volume")
        table = zip(
            self.open_time.tolist(), *(self.columns[name].tolist() for name in (*PRICES, "volume")), strict=True
        )
        for row, (opened, open_, high, low, close, volume) in enumerate(table):
            yield Candle(
                instrument,
                self.timeframe,
                opened,
                open_,
                high,
                low,
                close,
                volume,
                None if trades is None or isnan(trades[row]) else int(trades[row]),
                None if bought is None or isnan(bought[row]) else float(bought[row]),
                Provenance.IMPORTED,
                complete=self.complete,
            )


def read_candles(
    source: Source, guess: Guess, rejected: Rejected, on_share: Callable[[float], None] | None = None
) -> tuple[CandleFile, ...]:
    """The candles of a file by instrument and timeframe; ``UnreadableFile`` where there are none.

    rejected: takes the rows that are left out. Without a timeframe the usual distance of the rows counts.
    """
    try:
        series = read_series(source, guess, rejected, on_share)
        made = [_candle_file(one, guess, rejected) for one in series]
    except TROUBLE as error:
        raise UnreadableFile(str(error)) from None
    found = tuple(file for file in made if len(file))
    if not found:
        raise UnreadableFile(f"no row could be read ({str(rejected) or 'it is empty'})")
    return found


def _candle_file(series: Series, guess: Guess, rejected: Rejected) -> CandleFile:
    order = np.argsort(series.times, kind="stable")
    times, lines = series.times[order], series.lines[order]
    columns = {name: column[order] for name, column in series.columns.items()}
    written = parse_timeframe(series.timeframe) if series.timeframe else None
    length = guess.wish.timeframe or written or guess.timeframe or _usual(times)
    if guess.columns is not None and guess.columns.closing:
        times = np.array([open_time(int(moment) - 1, length) for moment in times.tolist()], np.int64)
    kept = _sound(times, columns, length, lines, rejected)
    times = times[kept]
    return CandleFile(
        series.exchange,
        guess.wish.symbol or unified_symbol(series.symbol) or guess.symbol,
        length,
        times,
        {name: column[kept] for name, column in columns.items()},
        _holes(times, length, guess),
        complete=guess.format_name != "lean-quote",
    )


def _usual(times: NDArray[np.int64]) -> Timeframe:
    """The timeframe whose length is the most frequent distance between rows."""
    distances = np.diff(times)
    distances = distances[distances > 0]
    if len(distances):
        values, counts = np.unique(distances, return_counts=True)
        usual = int(values[counts.argmax()])
        for name in TIMEFRAMES:
            if duration_ns(Timeframe(name)) == usual:
                return Timeframe(name)
    raise UnreadableFile("the distance of its rows is no timeframe; say which with --timeframe")


def _sound(
    times: NDArray[np.int64],
    columns: Mapping[str, NDArray[np.float64]],
    timeframe: Timeframe,
    lines: NDArray[np.int64],
    rejected: Rejected,
) -> NDArray[np.bool_]:
    """Rows that can be candles; of the others, each is told of once."""
    o, h, low, c = (columns[name] for name in PRICES)
    volume = columns["volume"]
    grid = np.array([open_time(moment, timeframe) for moment in times.tolist()], np.int64)
    finite = np.isfinite(np.stack([o, h, low, c, volume])).all(axis=0)
    with np.errstate(invalid="ignore"):
        reasons = (
            ("not a number", ~finite),
            ("a price that is not positive", np.minimum(np.minimum(o, h), np.minimum(low, c)) <= 0),
            ("a negative volume", volume < 0),
            ("high and low do not hold open and close", (h < np.maximum(o, c)) | (low > np.minimum(o, c))),
            (f"not at the opening of a {timeframe} candle", times != grid),
        )
    kept = np.ones(len(times), np.bool_)

    def reject(reason: str, wrong: NDArray[np.bool_]) -> None:
        for row in np.flatnonzero(wrong & kept).tolist():
            cells = (f"{columns[name][row]:g}" for name in (*PRICES, "volume"))
            rejected(reason, int(lines[row]), ",".join((iso_time(int(times[row])), *cells)))
        kept[wrong] = False

    for reason, wrong in reasons:
        reject(reason, np.asarray(wrong, np.bool_))
    sound = np.flatnonzero(kept)
    again = np.zeros(len(times), np.bool_)
    again[sound[1:]] = times[sound[1:]] == times[sound[:-1]]
    reject("twice", again)
    return kept


def _holes(times: NDArray[np.int64], timeframe: Timeframe, guess: Guess) -> tuple[Hole, ...]:
    """Between the candles; in a file of one day from its beginning to its end, where the market never closes."""
    length = duration_ns(timeframe)
    moments: list[int] = times.tolist()
    if guess.day and guess.scaled_by == 1.0 and moments:
        midnight = moments[0] - moments[0] % DAY_NS
        moments = [midnight - length, *moments, midnight + DAY_NS]
    return tuple(
        Hole(before + length, (after - before) // length - 1)
        for before, after in pairwise(moments)
        if after - before > length
    )
