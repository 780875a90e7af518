"""Trades as PostgreSQL's binary COPY, read back field by field."""

import struct

import hypothesis.strategies as st
from hypothesis import given

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.storage.copy import COLUMNS, encode
from alphaplus_tui.storage.instants import from_postgres, to_postgres

INSTRUMENTS = {InstrumentId("a:B/C"): 1, InstrumentId("a:D/E:E"): 70_000}
TIMES = st.integers(0, 4_000_000_000 * 10**9)

TRADES = st.builds(
    Trade,
    instrument=st.sampled_from(sorted(INSTRUMENTS)),
    trade_id=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    seq=st.integers(-(2**63), 2**63 - 1),
    price=st.floats(allow_nan=False, allow_infinity=False),
    quantity=st.floats(allow_nan=False, allow_infinity=False),
    side=st.sampled_from(Side),
    ts_event=TIMES,
    ts_recv=TIMES,
    provenance=st.sampled_from(Provenance),
)


def decoded(rows: bytes) -> list[dict[str, bytes]]:
    found: list[dict[str, bytes]] = []
    position = 0
    while position < len(rows):
        (fields,) = struct.unpack_from(">h", rows, position)
        assert fields == len(COLUMNS)
        position += 2
        row: dict[str, bytes] = {}
        for column in COLUMNS:
            (length,) = struct.unpack_from(">i", rows, position)
            row[column] = rows[position + 4 : position + 4 + length]
            position += 4 + length
        found.append(row)
    return found


def expected(trade: Trade) -> dict[str, bytes]:
    ts_ms = trade.ts_event // 1_000_000
    return {
        "ts": struct.pack(">q", to_postgres(ts_ms * 1_000_000)),
        "seq": struct.pack(">q", trade.seq),
        "price": struct.pack(">d", trade.price),
        "quantity": struct.pack(">d", trade.quantity),
        "ts_recv": struct.pack(">q", to_postgres(trade.ts_recv)),
        "instrument_id": struct.pack(">i", INSTRUMENTS[trade.instrument]),
        "sub_ms_ns": struct.pack(">i", trade.ts_event % 1_000_000),
        "side": trade.side.encode(),
        "provenance": trade.provenance.encode(),
        "trade_id": trade.trade_id.encode(),
    }


@given(st.lists(TRADES, min_size=1, max_size=30))
def test_every_trade_is_there_once_with_all_its_fields(trades: list[Trade]) -> None:
    encoded = encode(trades, INSTRUMENTS.__getitem__)
    assert (encoded[:11], encoded[-2:]) == (b"PGCOPY\n\xff\r\n\0", b"\xff\xff")
    assert sorted(map(_row, decoded(encoded[19:-2]))) == sorted(_row(expected(trade)) for trade in trades)


@given(TIMES)
def test_times_survive_to_the_microsecond(ts_ns: int) -> None:
    assert from_postgres(to_postgres(ts_ns)) == ts_ns - ts_ns % 1000


def _row(row: dict[str, bytes]) -> tuple[bytes, ...]:
    return tuple(row[column] for column in COLUMNS)
