"""Reads trades out of files, some thousand at a time, and counts the numbers that are missing between them."""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.files.arrow_tables import ArrowTable, read_table
from alphaplus_tui.files.guess import Guess
from alphaplus_tui.files.layouts import TABLES, Columns
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import TROUBLE, Source, UnreadableFile, opened_text
from alphaplus_tui.files.times import parse_time

PAGE = 5_000
_LARGEST_SEQ = 2**63 - 1
_SIDES = {"buy": Side.BUY, "b": Side.BUY, "sell": Side.SELL, "s": Side.SELL}
_MAKERS = {"true": Side.SELL, "1": Side.SELL, "t": Side.SELL, "false": Side.BUY, "0": Side.BUY, "f": Side.BUY}
"""The buyer was the maker: who was in a hurry sold."""

Row = Sequence[str]
InstrumentOf = Callable[[str, str], InstrumentId]
"""The instrument of an exchange and a symbol as the table names them; both empty where it does not."""


class NoTrade(ValueError):
    """A row that cannot be a trade; the text is the reason."""


class Numbers:
    """Which numbers of trades were seen, as runs without a hole."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, int]] = []

    def add(self, numbers: Sequence[int]) -> None:
        self._runs = _joined([*self._runs, *((number, number) for number in numbers)])

    def holes(self) -> list[int]:
        """How many are missing in each hole between the first and the last."""
        return [after[0] - before[1] - 1 for before, after in pairwise(self._runs)]


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if made and first <= made[-1][1] + 1:
            made[-1] = made[-1][0], max(made[-1][1], last)
        else:
            made.append((first, last))
    return made


def read_trades(
    source: Source,
    guess: Guess,
    instrument_of: InstrumentOf,
    rejected: Rejected,
    on_share: Callable[[float], None] | None = None,
) -> Iterator[list[Trade]]:
    """Page by page in the order of the file, provenance IMPORTED; ``UnreadableFile`` where it breaks off."""
    columns = guess.columns
    assert columns is not None, "a guess of trades has columns"
    if columns.place("side") < 0 and columns.place("maker") < 0:
        raise UnreadableFile("no column says who bought: side, or is_buyer_maker")
    make = _Maker(columns, instrument_of)
    try:
        page: list[Trade] = []
        for line, row in _rows(source, guess, on_share):
            if not row:
                continue
            try:
                page.append(make(row))
            except NoTrade as error:
                rejected(str(error), line, ",".join(row))
            except (ValueError, IndexError, OverflowError):
                rejected("not a row of the table", line, ",".join(row))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page
    except TROUBLE as error:
        raise UnreadableFile(str(error)) from None


def _rows(source: Source, guess: Guess, on_share: Callable[[float], None] | None) -> Iterator[tuple[int, Row]]:
    if guess.format_name in TABLES:
        yield from enumerate(_arrow_rows(read_table(source, guess.format_name), guess), 1)
        return
    with opened_text(source, on_share) as stream:
        yield from enumerate(csv.reader(islice(stream, guess.skip, None), delimiter=guess.delimiter), guess.skip + 1)


def _arrow_rows(table: ArrowTable, guess: Guess) -> Iterator[Row]:
    """As the same table would stand in a CSV file, times in ns."""
    assert guess.columns is not None
    time = guess.columns.time
    moments = [str(moment) for moment in table.times(time).tolist()]
    columns = [moments if place == time else table.texts(place) for place in range(len(table.names))]
    return zip(*columns, strict=True)


class _Maker:
    """Makes a trade of a row."""

    def __init__(self, columns: Columns, instrument_of: InstrumentOf) -> None:
        self._time, self._instrument_of = columns.time, instrument_of
        self._id, self._price, self._quantity, self._side, self._maker, self._received = map(
            columns.place, ("trade_id", "price", "quantity", "side", "maker", "received")
        )
        self._symbol, self._exchange = columns.place("symbol"), columns.place("exchange")

    def __call__(self, row: Row) -> Trade:
        """Raises ``NoTrade``; ``ValueError``, ``IndexError`` where it is not even a row."""
        ts, trade_id = parse_time(row[self._time]), row[self._id].strip()
        price, quantity = float(row[self._price]), float(row[self._quantity])
        if not (math.isfinite(price) and math.isfinite(quantity)):
            raise NoTrade("not a number")
        if price <= 0:
            raise NoTrade("a price that is not positive")
        if quantity <= 0:
            raise NoTrade("a quantity that is not positive")
        if not trade_id:
            raise NoTrade("no id")
        if self._side >= 0:
            side = _SIDES.get(row[self._side].strip().lower())
        else:
            side = _MAKERS.get(row[self._maker].strip().lower())
        if side is None:
            raise NoTrade("no side")
        whose = self._instrument_of(
            row[self._exchange] if self._exchange >= 0 else "", row[self._symbol] if self._symbol >= 0 else ""
        )
        received = parse_time(row[self._received]) if self._received >= 0 else ts
        return Trade(whose, trade_id, seq_of(trade_id, ts), price, quantity, side, ts, received, Provenance.IMPORTED)


def is_number(trade_id: str) -> bool:
    return trade_id.isdecimal() and int(trade_id) <= _LARGEST_SEQ


def seq_of(trade_id: str, ts: int) -> int:
    """The id where it is a number; else the time."""
    return int(trade_id) if is_number(trade_id) else ts
