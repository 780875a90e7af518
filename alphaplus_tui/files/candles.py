"""Reads candles from files: feather as freqtrade writes it, and CSV with whatever names of columns we know."""

import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe, duration_ns, open_time
from alphaplus_tui.errors import FatalError, UnknownName
from alphaplus_tui.files.csv_columns import read_csv

FORMATS = ("feather", "csv")
Columns = Mapping[str, NDArray[np.float64]]
_FREQTRADE = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+?)(?:_([A-Za-z0-9]+))?-(\d+[smhdw])(?:-([a-z_]+))?$")
_PRICES = ("open", "high", "low", "close")


class UnreadableFile(FatalError):
    """A file that holds no candles we can read."""

    title = "Unreadable file"


class Hole(Struct, frozen=True):
    """Candles that are missing between two that are there."""

    first: int
    """Opening time of the first missing one, UTC ns."""
    missing: int


class CandleFile(Struct, frozen=True):
    """What a file holds: columns of equal length, oldest first, and what was left out of it."""

    name: str
    symbol: str
    """From the name of the file where it follows freqtrade's rule; else empty."""
    timeframe: Timeframe
    open_time: NDArray[np.int64]
    columns: Columns
    """``open high low close volume``, and ``trades`` where the file has them."""
    rejected: Mapping[str, int]
    """Rows that were left out, by reason."""
    holes: tuple[Hole, ...]

    def __len__(self) -> int:
        return len(self.open_time)

    @property
    def missing(self) -> int:
        return sum(hole.missing for hole in self.holes)

    def candles(self, instrument: InstrumentId) -> Iterator[Candle]:
        """One by one, provenance IMPORTED."""
        trades = self.columns.get("trades")
        table = zip(
            self.open_time.tolist(), *(self.columns[name].tolist() for name in (*_PRICES, "volume")), strict=True
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
                None if trades is None else int(trades[row]),
                None,
                Provenance.IMPORTED,
            )


def read_candles(file: Path, *, timeframe: Timeframe | None = None, format_name: str | None = None) -> CandleFile:
    """The candles of a file; ``UnreadableFile``. Without a timeframe the usual distance of its rows counts."""
    plain = file.name.removesuffix(".gz")
    symbol, named, kind = _named(Path(plain).stem)
    if kind not in ("", "futures"):
        raise UnreadableFile(f"{file.name} holds {kind.replace('_', ' ')}, not candles")
    chosen = format_name or Path(plain).suffix.lstrip(".")
    if chosen not in FORMATS:
        raise UnknownName("format", chosen, FORMATS)
    rejected: Counter[str] = Counter()
    try:
        times, columns, closing = read_csv(file, rejected) if chosen == "csv" else _read_feather(file)
    except (OSError, ValueError, EOFError, csv.Error, zlib.error) as error:
        raise UnreadableFile(f"{file.name}: {error}") from None
    order = np.argsort(times, kind="stable")
    times, columns = times[order], {name: column[order] for name, column in columns.items()}
    length = timeframe or named or _usual(times, file)
    if closing:
        times = np.array([open_time(int(moment) - 1, length) for moment in times.tolist()], np.int64)
    kept = _sound(times, columns, length, rejected)
    times, columns = times[kept], {name: column[kept] for name, column in columns.items()}
    if not len(times):
        raise UnreadableFile(f"{file.name}: no row could be read ({_told(rejected) or 'it is empty'})")
    return CandleFile(file.name, symbol, length, times, columns, dict(rejected), _holes(times, length))


def _named(stem: str) -> tuple[str, Timeframe | None, str]:
    """Symbol, timeframe and kind of a file named by freqtrade's rule: ``BTC_USDT_USDT-5m-futures``."""
    found = _FREQTRADE.fullmatch(stem)
    if found is None:
        return "", None, ""
    base, quote, settle, length, kind = found.groups(default="")
    symbol = f"{base}/{quote}:{settle}" if settle else f"{base}/{quote}"
    return symbol, Timeframe(length) if length in TIMEFRAMES else None, kind


def _read_feather(file: Path) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]], bool]:
    arrow: Any = import_module("pyarrow")  # Any: it has no types
    feather: Any = import_module("pyarrow.feather")
    try:
        table: Any = feather.read_table(str(file))
    except arrow.ArrowException as error:
        raise ValueError(str(error)) from None
    names: list[str] = table.column_names
    if lacking := sorted({"date", *_PRICES, "volume"} - set(names)):
        raise ValueError(f"no column {', '.join(lacking)}")
    date = table["date"].cast(arrow.timestamp("ns", "UTC")).cast(arrow.int64())
    columns = {
        name: np.asarray(table[name].cast(arrow.float64()).to_numpy(), np.float64) for name in (*_PRICES, "volume")
    }
    return np.asarray(date.to_numpy(), np.int64), columns, False


def _usual(times: NDArray[np.int64], file: Path) -> Timeframe:
    """The timeframe whose length is the most frequent distance between rows."""
    distances = np.diff(times)
    distances = distances[distances > 0]
    if len(distances):
        values, counts = np.unique(distances, return_counts=True)
        usual = int(values[counts.argmax()])
        for name in TIMEFRAMES:
            if duration_ns(Timeframe(name)) == usual:
                return Timeframe(name)
    raise UnreadableFile(f"{file.name}: the distance of its rows is no timeframe; say which with --timeframe")


def _sound(
    times: NDArray[np.int64], columns: Columns, timeframe: Timeframe, rejected: Counter[str]
) -> NDArray[np.bool_]:
    """Rows that can be candles; the others are counted by reason, each once."""
    o, h, low, c = (columns[name] for name in _PRICES)
    volume = columns["volume"]
    kept = np.ones(len(times), np.bool_)
    grid = np.array([open_time(moment, timeframe) for moment in times.tolist()], np.int64)
    with np.errstate(invalid="ignore"):
        reasons = (
            ("not a number", ~np.isfinite(np.stack([o, h, low, c, volume])).all(axis=0)),
            ("a price that is not positive", np.minimum(np.minimum(o, h), np.minimum(low, c)) <= 0),
            ("a negative volume", volume < 0),
            ("high and low do not hold open and close", (h < np.maximum(o, c)) | (low > np.minimum(o, c))),
            (f"not at the opening of a {timeframe} candle", times != grid),
        )
    for reason, wrong in reasons:
        _reject(reason, np.asarray(wrong & kept, np.bool_), kept, rejected)
    sound = np.flatnonzero(kept)
    again = np.zeros(len(times), np.bool_)
    again[sound[1:]] = times[sound[1:]] == times[sound[:-1]]
    _reject("twice", again, kept, rejected)
    return kept


def _reject(reason: str, wrong: NDArray[np.bool_], kept: NDArray[np.bool_], rejected: Counter[str]) -> None:
    if wrong.any():
        rejected[reason] += int(wrong.sum())
        kept &= ~wrong


def _holes(times: NDArray[np.int64], timeframe: Timeframe) -> tuple[Hole, ...]:
    length = duration_ns(timeframe)
    return tuple(
        Hole(before + length, (after - before) // length - 1)
        for before, after in pairwise(times.tolist())
        if after - before > length
    )


def _told(rejected: Mapping[str, int]) -> str:
    return ", ".join(f"{count} rows: {reason}" for reason, count in rejected.items())


def candle_files(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and those of the folders that have a name we read, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        readable = (".feather", ".csv", ".csv.gz")
        found.extend(file for file in inside if not path.is_dir() or file.name.endswith(readable))
    return found
