"""Finds times, prices and volumes in CSV files of several makers."""

import csv
import gzip
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

_PRICES = ("open", "high", "low", "close")
_TIMES = ("unix", "timestamp", "date", "datetime", "time", "open_time", "open_datetime")
_CLOSING_TIMES = ("close_time", "close_datetime")
_TRADES = ("trades", "tradecount", "count", "number_of_trades")
_HEADERLESS = ("unix", "open", "high", "low", "close", "volume", "trades")
"""Kraken's dumps have no header."""
_FORMATS = ("%Y-%m-%d %I-%p", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_UNITS = ((10**17, 1), (10**14, 10**3), (10**11, 10**6), (0, 10**9))
"""A number as large as the first means so many nanoseconds a unit: ns, µs, ms, s."""


def read_csv(file: Path, rejected: Counter[str]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]], bool]:
    """Times (UTC ns), columns, and whether the times are those of the close. ``ValueError`` when it is no table."""
    with _opened(file) as stream:
        rows = csv.reader(stream)
        names, first = _header(rows)
        time = _one_of(names, (*_TIMES, *_CLOSING_TIMES))
        wanted = [names.index(name) for name in _PRICES]
        volumes = [place for place, name in enumerate(names) if name.startswith(("volume", "quote_volume"))]
        if not volumes:
            raise ValueError("no column volume")
        counts = [place for place, name in enumerate(names) if name in _TRADES][:1]
        moments: list[int] = []
        numbers: list[list[float]] = []
        for row in (*first, *rows):
            try:
                moment = parse_time(row[time])
                values = [float(row[place]) for place in (*wanted, *volumes[:2], *counts)]
            except (ValueError, IndexError):
                rejected["not a row of the table"] += 1
                continue
            moments.append(moment)
            numbers.append(values)
    width = len(wanted) + len(volumes[:2]) + len(counts)
    table = np.array(numbers, np.float64).reshape(-1, width).T
    columns: dict[str, NDArray[np.float64]] = {name: table[place] for place, name in enumerate(_PRICES)}
    columns["volume"] = table[4] if len(volumes) == 1 else _base_volume(table[4], table[5], columns["close"])
    if counts:
        columns["trades"] = table[-1]
    closing = names[time] in _CLOSING_TIMES
    times = np.array(moments, np.int64)
    return times + 1_000_000 if closing else times, columns, closing


def parse_time(text: str) -> int:
    """UTC ns of a number (s, ms, µs or ns) or a date; without an offset it is UTC. ``ValueError``."""
    text = text.strip()
    if text.replace(".", "", 1).isdigit():
        whole, _, fraction = text.partition(".")
        number = int(whole)
        unit = next(unit for least, unit in _UNITS if number >= least)
        return number * unit + (int(float(f"0.{fraction}") * unit) if fraction else 0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _by_format(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds) * 1_000


def _by_format(text: str) -> datetime:
    for layout in _FORMATS:
        try:
            return datetime.strptime(text, layout).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time")


def _header(rows: Iterator[list[str]]) -> tuple[list[str], Iterable[list[str]]]:
    """Names of the columns, and rows that were read to find them; lines before the header are remarks."""
    for _ in range(5):
        row = next(rows, None)
        if row is None:
            break
        names = [name.strip().lower().replace(" ", "_") for name in row]
        if set(_PRICES) <= set(names):
            return names, ()
        if len(row) == len(_HEADERLESS) and row[0].strip().isdigit():
            return list(_HEADERLESS), (row,)
    raise ValueError("no header with open, high, low and close")


def _one_of(names: Sequence[str], known: Sequence[str]) -> int:
    for name in known:
        if name in names:
            return names.index(name)
    raise ValueError(f"no column of times; known: {', '.join(known)}")


def _base_volume(
    first: NDArray[np.float64], second: NDArray[np.float64], price: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of two volumes the one in base units: the other divided by it is about the price. Makers mix them up."""
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.abs(np.log(second / first / price))
        swapped = np.abs(np.log(first / second / price))
    return np.where(swapped < usual, second, first)


@contextmanager
def _opened(file: Path) -> Generator[TextIO]:
    with gzip.open(file, "rt", newline="") if file.suffix == ".gz" else file.open(newline="") as stream:
        yield stream
