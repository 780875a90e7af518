"""Reads the columns of candles out of text and arrow tables, as they stand there."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.files.arrow_tables import ArrowTable, read_table
from alphaplus_tui.files.guess import Guess
from alphaplus_tui.files.layouts import PRICES, TABLES, Columns
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import Source, opened_text
from alphaplus_tui.files.times import parse_time

Numbers = NDArray[np.float64]
Moments = NDArray[np.int64]
Whose = tuple[str, str, str]
"""Exchange, symbol and timeframe of a row, where the table has such columns; else empty."""
_MS_NS = 1_000_000
_QUOTED_SIDES = ("bid", "ask")


class Series(Struct, frozen=True):
    """Rows of one instrument and timeframe in the order of the file; columns of equal length."""

    exchange: str
    symbol: str
    timeframe: str
    times: NDArray[np.int64]
    """UTC ns; one millisecond has been added to times of the close, which come as ``:59.999``."""
    lines: NDArray[np.int64]
    columns: dict[str, Numbers]
    """``open high low close volume``, and ``trades``, ``buy_volume`` where the file has them."""


def read_series(
    source: Source, guess: Guess, rejected: Rejected, on_share: Callable[[float], None] | None = None
) -> list[Series]:
    """Each instrument and timeframe of the file. ``ValueError`` where it is no table."""
    columns = guess.columns
    assert columns is not None, "a guess of candles has columns"
    if guess.format_name in TABLES:
        return _of_arrow(read_table(source, guess.format_name), columns)
    names, places = _wanted(columns, quotes=guess.format_name == "lean-quote")
    whose = [columns.place(name) for name in ("exchange", "symbol", "timeframe")]
    moment_of = _moments(guess)
    found: dict[Whose, tuple[list[int], list[int], list[list[float]]]] = {}
    with opened_text(source, on_share) as stream:
        rows = csv.reader(islice(stream, guess.skip, None), delimiter=guess.delimiter)
        for line, row in enumerate(rows, guess.skip + 1):
            if not row:
                continue
            try:
                moment = moment_of(row[columns.time])
                values = [float(row[place] or "nan") for place in places]
                exchange, symbol, timeframe = (row[place] if place >= 0 else "" for place in whose)
            except (ValueError, IndexError, OverflowError):
                rejected("not a row of the table", line, ",".join(row))
                continue
            times, lines, numbers = found.setdefault((exchange, symbol, timeframe), ([], [], []))
            times.append(moment)
            lines.append(line)
            numbers.append(values)
    return [
        _series(key, guess, np.array(times, np.int64), np.array(lines, np.int64), _named(names, np.array(numbers).T))
        for key, (times, lines, numbers) in found.items()
    ]


def _of_arrow(table: ArrowTable, columns: Columns) -> list[Series]:
    names, places = _wanted(columns, quotes=False)
    values = np.stack([table.numbers(place) for place in places]) if len(table) else np.empty((len(places), 0))
    times, lines = table.times(columns.time), np.arange(1, len(table) + 1, dtype=np.int64)
    texts = [
        table.texts(place) if (place := columns.place(name)) >= 0 else [""] * len(table)
        for name in ("exchange", "symbol", "timeframe")
    ]
    keys = list(zip(*texts, strict=True))
    made: list[Series] = []
    plain = Guess("", "candles", columns=columns)
    for key in dict.fromkeys(keys):
        rows = np.array([here == key for here in keys], np.bool_)
        made.append(_series(key, plain, times[rows], lines[rows], _named(names, values[:, rows])))
    return made


def _wanted(columns: Columns, *, quotes: bool) -> tuple[list[str], list[int]]:
    """What is read, and where it stands."""
    if quotes:
        names = [f"{side}_{price}" for side in _QUOTED_SIDES for price in PRICES]
        return names, [columns.place(name) for name in names]
    if not columns.volumes:
        raise ValueError("no column volume")
    names = [*PRICES, "volume", "quote_volume"][: len(PRICES) + len(columns.volumes)]
    places = [*(columns.place(name) for name in PRICES), *columns.volumes]
    for name in ("trades", "buy_volume"):
        if columns.place(name) >= 0:
            names.append(name)
            places.append(columns.place(name))
    return names, places


def _series(whose: Whose, guess: Guess, times: Moments, lines: Moments, columns: dict[str, Numbers]) -> Series:
    found = columns
    if "bid_open" in found:
        found = {price: (found[f"bid_{price}"] + found[f"ask_{price}"]) / 2 for price in PRICES}
        found["volume"] = np.zeros(len(times))
    if guess.scaled_by != 1.0:
        found |= {price: found[price] / guess.scaled_by for price in PRICES}
    if "quote_volume" in found:
        found["volume"] = base_volume(found["volume"], found.pop("quote_volume"), found["close"])
    closing = guess.columns is not None and guess.columns.closing
    return Series(*whose, times + _MS_NS if closing else times, lines, found)


def _named(names: list[str], values: Numbers) -> dict[str, Numbers]:
    return dict(zip(names, values, strict=True))


def base_volume(first: Numbers, second: Numbers, price: Numbers) -> Numbers:
    """Of two volumes the one in base units: the other divided by it is about the price. Makers mix them up."""
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.abs(np.log(second / first / price))
        swapped = np.abs(np.log(first / second / price))
    return np.where(swapped < usual, second, first)


def _moments(guess: Guess) -> Callable[[str], int]:
    """How a time of this file is read."""
    if not guess.day:
        return parse_time
    # shares trade by New York's clock, all that is not scaled by UTC
    zone = UTC if guess.scaled_by == 1.0 else ZoneInfo("America/New_York")
    midnight = datetime.strptime(guess.day, "%Y%m%d").replace(tzinfo=zone)
    start = round(midnight.timestamp()) * SECOND_NS
    return lambda text: start + int(text) * _MS_NS
