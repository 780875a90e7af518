"""Order books as PostgreSQL's binary COPY."""

import struct

import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Level, OrderBook
from alphaplus_tui.errors import FatalError
from alphaplus_tui.storage.book_rows import encode
from alphaplus_tui.storage.instants import to_postgres

BTC = InstrumentId("a:BTC/USDT")
NOON_NS = 1_733_054_400 * 10**9


def fields(encoded: bytes) -> list[bytes]:
    """Of the only row."""
    assert (encoded[:11], encoded[-2:]) == (b"PGCOPY\n\xff\r\n\0", b"\xff\xff")
    row = encoded[19:-2]
    (count,) = struct.unpack_from(">h", row)
    found, position = list[bytes](), 2
    for _ in range(count):
        (length,) = struct.unpack_from(">i", row, position)
        found.append(row[position + 4 : position + 4 + length])
        position += 4 + length
    assert position == len(row)
    return found


def test_a_book_is_there_with_all_its_levels_and_an_empty_side() -> None:
    book = OrderBook(BTC, (Level(10.5, 1.0), Level(10.25, 2.0)), (), 77, NOON_NS, NOON_NS + 5_000)
    number, ts, ts_recv, sequence, bids, quantities, asks, ask_quantities = fields(encode([book], {BTC: 3}.__getitem__))
    assert struct.unpack(">i", number) == (3,)
    moments = (to_postgres(NOON_NS), to_postgres(NOON_NS + 5_000), 77)
    assert struct.unpack(">qqq", ts + ts_recv + sequence) == moments
    head = struct.pack(">iiiii", 1, 0, 701, 2, 1)
    assert bids == head + struct.pack(">idid", 8, 10.5, 8, 10.25)
    assert quantities == head + struct.pack(">idid", 8, 1.0, 8, 2.0)
    assert asks == ask_quantities == struct.pack(">iii", 0, 0, 701)


def test_a_book_whose_sequence_is_too_large_is_refused_by_name() -> None:
    with pytest.raises(FatalError, match="a:BTC/USDT cannot be stored"):
        encode([OrderBook(BTC, (), (), 2**63, NOON_NS, NOON_NS)], {BTC: 3}.__getitem__)
