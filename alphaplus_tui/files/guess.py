"""Guesses what a history file holds, from its name and its first lines."""

import csv
import re
from itertools import islice

from msgspec import Struct, structs

from alphaplus_tui.domain.pairs import unified_symbol
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.files import arrow_tables
from alphaplus_tui.files.layouts import (
    FORMATS,
    HEADERLESS,
    TABLES,
    WITHOUT_IDS,
    Columns,
    Kind,
    find_columns,
    format_of,
    headerless,
    is_candles,
    is_trades,
    normalised,
    told_apart,
)
from alphaplus_tui.files.names import Named, read_name
from alphaplus_tui.files.sources import TROUBLE, Source, UnreadableFile, opened_text
from alphaplus_tui.files.times import time_unit, zone_of

_LOOKED_AT = 20
"""Lines in which a header or a row of numbers must be found."""
_RECORDING = re.compile(r"\d{15,20}(?:@\d+)? [\[{]|\{\"lastUpdateId\"")
_OTHERS_RECORDING = re.compile(r'\{"(?:t|exchange)": ?"')
_CDD = "cryptodatadownload"
_LEAN_WIDTH = 6
"""Columns of LEAN's candles of trades; those of other makers look the same."""
_DELIMITERS = ",;\t|"
_NOT_HISTORY = ("funding_rate", "mark", "index", "premiumIndex")
"""Kinds in the names of files."""


class Wish(Struct, frozen=True):
    """What the user says of the files; it counts before any guess."""

    format_name: str = ""
    symbol: str = ""
    timeframe: Timeframe | None = None


class Guess(Struct, frozen=True):
    """What a file seems to hold, and how to read it."""

    format_name: str
    kind: Kind
    symbol: str = ""
    """Empty where neither name nor columns say it."""
    timeframe: Timeframe | None = None
    """None: from the distance of the rows."""
    unit: str = ""
    """Of the times: ``s``, ``ms``, ``µs``, ``ns``, ``dates``, ``ms of the day``."""
    zone: str = "UTC"
    columns: Columns | None = None
    header: bool = True
    skip: int = 0
    """Lines before the first row."""
    delimiter: str = ","
    day: str = ""
    """``20240131`` where times count from its beginning."""
    scaled_by: float = 1.0
    """What prices were multiplied with."""
    wish: Wish = Wish()

    def __str__(self) -> str:
        """One line for people."""
        said = [self.format_name]
        if self.unit:
            said.append(f"times in {self.unit}, {self.zone}")
        if self.columns is not None:
            said.append(f"columns {' '.join(self.columns.names)}{'' if self.header else ' (no header)'}")
        said.append(self.symbol or "symbol not said")
        if self.kind == "candles":
            said.append(self.timeframe or "timeframe by the distance of rows")
        return " · ".join(said)


def guess(source: Source, wish: Wish) -> Guess:
    """Raises ``UnreadableFile`` with what the file is, where that is known; ``UnknownName`` for a format."""
    asked = wish.format_name
    if asked and asked not in FORMATS:
        raise UnknownName("format", asked, FORMATS)
    named = read_name(source)
    if named.kind in _NOT_HISTORY:
        raise UnreadableFile(f"holds {named.kind.replace('_', ' ')}s, not candles or trades")
    arrow = asked in TABLES or (not asked and source.ending in arrow_tables.ENDINGS)
    try:
        found = _of_arrow(source, asked) if arrow else _of_lines(source, asked, named)
    except TROUBLE as error:
        raise UnreadableFile(str(error)) from None
    if found.kind == "recording":
        return found
    return structs.replace(
        found,
        symbol=wish.symbol or _perpetual(named.symbol or found.symbol, source),
        timeframe=wish.timeframe or named.timeframe,
        wish=wish,
    )


def _of_arrow(source: Source, asked: str) -> Guess:
    names, unit, zone = arrow_tables.look(source, asked)
    kind: Kind | None = "candles" if is_candles(names) else "trades" if is_trades(names) else None
    columns = find_columns(names)
    if kind is None or columns is None:
        raise UnreadableFile(_no_history(names))
    return Guess(asked or arrow_tables.ENDINGS[source.ending], kind, unit=unit, zone=zone, columns=columns)


def _of_lines(source: Source, asked: str, named: Named) -> Guess:
    """The first line that is a header or a row of numbers says what the file is."""
    with opened_text(source) as stream:
        head = [line.rstrip("\r\n") for line in islice(stream, _LOOKED_AT)]
    if not any(head):
        raise UnreadableFile("it is empty")
    if asked == "recording" or _RECORDING.match(head[0]):
        return Guess("recording", "recording")
    if _OTHERS_RECORDING.match(head[0]):
        raise UnreadableFile("holds frames as another program recorded them; those of `alphaplus record` are read")
    delimiter = max(_DELIMITERS, key=lambda mark: max(line.count(mark) for line in head))
    rows = list(csv.reader(head, delimiter=delimiter))
    for number, row in enumerate(rows):
        names = normalised(row)
        if is_candles(names) or is_trades(names):
            usual = "trades" if not is_candles(names) else _CDD if _is_cdd(head[0], names) else "csv"
            format_name = format_of(names, usual)
            return _table(format_name, names, rows[number + 1 :], Guess("", "candles", skip=number + 1), delimiter)
        if what := told_apart(names):
            raise UnreadableFile(f"holds {what}, not candles or trades")
        found = headerless(row, "lean-trade" if _is_lean(source, named) and len(row) == _LEAN_WIDTH else asked)
        if found is not None:
            made = Guess("", "candles", header=False, skip=number, day=named.day, scaled_by=_scale(source))
            return _table(*found, rows[number:], made, delimiter)
    if widths := [len(columns) for name, columns, _ in HEADERLESS if name == asked]:
        raise UnreadableFile(f"{asked} has {' or '.join(map(str, widths))} columns, its rows have {len(rows[0])}")
    raise UnreadableFile(_no_history(normalised(rows[0])))


def _table(format_name: str, names: tuple[str, ...], rows: list[list[str]], made: Guess, delimiter: str) -> Guess:
    if names == WITHOUT_IDS:
        raise UnreadableFile("holds trades without ids and sides: imported twice they would be stored twice")
    columns = find_columns(names)
    if columns is None:
        raise UnreadableFile(f"no column of times among {', '.join(names)}")
    first = next((row for row in rows if len(row) >= len(names)), [""] * len(names))
    symbol = columns.place("symbol")
    return structs.replace(
        made,
        format_name=format_name,
        kind=FORMATS[format_name],
        columns=columns,
        delimiter=delimiter,
        unit="ms of the day" if made.day else time_unit(first[columns.time]),
        zone=zone_of(first[columns.time]),
        symbol=unified_symbol(first[symbol]) if symbol >= 0 else "",
    )


def _is_cdd(first: str, names: tuple[str, ...]) -> bool:
    """CryptoDataDownload says so in a remark, and lists date and symbol before the prices."""
    return _CDD in first.lower() or {"date", "symbol"} <= set(names[: names.index("open")])


def _is_lean(source: Source, named: Named) -> bool:
    """Zips of one day, or of all days with the market in the folders or the name."""
    return bool(named.day) or bool(source.member and source.words & {"daily", "hour"} and "trade" in source.words)


def _scale(source: Source) -> float:
    """LEAN writes the prices of shares times 10,000, those of crypto as they are."""
    return 10_000.0 if source.words & {"equity", "option"} else 1.0


def _perpetual(symbol: str, source: Source) -> str:
    """A symbol out of Binance's folders ``futures/um`` and ``futures/cm`` is a perpetual contract's."""
    if ":" in symbol or not symbol or "futures" not in source.words:
        return symbol
    base, _, quote = symbol.partition("/")
    return f"{symbol}:{quote}" if "um" in source.words else f"{symbol}:{base}" if "cm" in source.words else symbol


def _no_history(names: tuple[str, ...]) -> str:
    said = ", ".join(names)[:200]
    return f"no header with open, high, low and close, nor one of trades with ids, prices and quantities: {said}"
