"""Writes order books: by COPY into a table of their own, and from there where they belong."""

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Level, OrderBook
from alphaplus_tui.errors import FatalError
from alphaplus_tui.storage.binary import value, whole
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

COLUMNS = (
    "instrument_id", "ts", "ts_recv", "sequence", "bid_prices", "bid_quantities", "ask_prices", "ask_quantities",
)  # fmt: skip
_FLOAT8 = 701
_ITEM = np.dtype([("length", ">i4"), ("value", ">f8")])

_INCOMING = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_books (LIKE order_book_snapshots) ON COMMIT DELETE ROWS"
_NEW = (
    f"INSERT INTO order_book_snapshots ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM incoming_books "  # noqa: S608 - words of ours
    "ON CONFLICT DO NOTHING"
)


async def write(connection: "Connection", books: Sequence[OrderBook], number: NumberOf) -> int:
    """How many were not there yet."""
    await connection.execute(_INCOMING)
    await connection.copy_to_table(
        "incoming_books",
        source=memoryview(encode(books, number)),  # pyright: ignore[reportArgumentType] - asyncpg takes buffers, its stubs do not know
        columns=COLUMNS,
        format="binary",
    )
    return int((await connection.execute(_NEW)).rpartition(" ")[2])


def encode(books: Sequence[OrderBook], number_of: NumberOf) -> bytes:
    """A whole COPY of ``books``; ``FatalError`` when one of them can never be stored."""
    try:
        return whole([_row(book, number_of(book.instrument)) for book in books])
    except struct.error as error:
        raise FatalError(f"an order book of {books[0].instrument} cannot be stored: {error}") from error


def _row(book: OrderBook, number: int) -> bytes:
    fields = (
        struct.pack(">i", number),
        *(struct.pack(">q", moment) for moment in (to_postgres(book.ts_event), to_postgres(book.ts_recv))),
        struct.pack(">q", book.sequence),
        *_columns(book.bids),
        *_columns(book.asks),
    )
    return struct.pack(">h", len(fields)) + b"".join(map(value, fields))


def _columns(levels: Sequence[Level]) -> tuple[bytes, bytes]:
    return _array([level.price for level in levels]), _array([level.quantity for level in levels])


def _array(numbers: Sequence[float]) -> bytes:
    """A ``float8[]``: how many dimensions, no NULLs, of what, how long, counted from 1."""
    if not numbers:
        return struct.pack(">iii", 0, 0, _FLOAT8)
    items = np.empty(len(numbers), _ITEM)
    items["length"], items["value"] = _ITEM["value"].itemsize, numbers
    return struct.pack(">iiiii", 1, 0, _FLOAT8, len(numbers), 1) + items.tobytes()
