"""Candles as PostgreSQL's binary COPY, read back field by field."""

import struct

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec import structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.storage.candle_rows import COLUMNS, encode
from alphaplus_tui.storage.instants import to_postgres

INSTRUMENTS = {InstrumentId("a:B/C"): 1, InstrumentId("a:D/E:E"): 70_000}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
CANDLES = st.builds(
    Candle,
    instrument=st.sampled_from(sorted(INSTRUMENTS)),
    timeframe=st.sampled_from([Timeframe(name) for name in TIMEFRAMES]),
    open_time=st.integers(0, 4_000_000_000 * 10**9),
    open=NUMBERS,
    high=NUMBERS,
    low=NUMBERS,
    close=NUMBERS,
    volume=NUMBERS,
    trades=st.none() | st.integers(0, 2**63 - 1),
    buy_volume=st.none() | NUMBERS,
    provenance=st.sampled_from(Provenance),
    revision=st.integers(0, 2**31 - 1),
    complete=st.booleans(),
)


def decoded(encoded: bytes) -> list[dict[str, bytes | None]]:
    rows, position = encoded[19:-2], 0
    found: list[dict[str, bytes | None]] = []
    while position < len(rows):
        assert struct.unpack_from(">h", rows, position) == (len(COLUMNS) + 1,)
        position += 2
        row: dict[str, bytes | None] = {}
        for column in (*COLUMNS, "place"):
            (length,) = struct.unpack_from(">i", rows, position)
            position += 4
            row[column] = None if length < 0 else rows[position : position + length]
            position += max(0, length)
        found.append(row)
    return found


def expected(candle: Candle, place: int) -> dict[str, bytes | None]:
    return {
        "instrument_id": struct.pack(">i", INSTRUMENTS[candle.instrument]),
        "open_time": struct.pack(">q", to_postgres(candle.open_time)),
        "open": struct.pack(">d", candle.open),
        "high": struct.pack(">d", candle.high),
        "low": struct.pack(">d", candle.low),
        "close": struct.pack(">d", candle.close),
        "volume": struct.pack(">d", candle.volume),
        "revision": struct.pack(">i", candle.revision),
        "complete": struct.pack(">?", candle.complete),
        "timeframe": candle.timeframe.encode(),
        "provenance": candle.provenance.encode(),
        "trades": None if candle.trades is None else struct.pack(">q", candle.trades),
        "buy_volume": None if candle.buy_volume is None else struct.pack(">d", candle.buy_volume),
        "place": struct.pack(">i", place),
    }


@given(st.lists(CANDLES, min_size=1, max_size=30))
def test_every_candle_is_there_once_with_all_its_fields_and_its_place(candles: list[Candle]) -> None:
    encoded = encode(candles, INSTRUMENTS.__getitem__, first_place=2_000)
    assert (encoded[:11], encoded[-2:]) == (b"PGCOPY\n\xff\r\n\0", b"\xff\xff")
    found = sorted(decoded(encoded), key=lambda row: row["place"] or b"")
    assert found == [expected(candle, 2_000 + place) for place, candle in enumerate(candles)]


def test_a_candle_whose_numbers_are_too_large_is_refused_by_name() -> None:
    candle = Candle(InstrumentId("a:B/C"), Timeframe("1m"), 0, 1.0, 1.0, 1.0, 1.0, 1.0, trades=2**63)
    with pytest.raises(FatalError, match="a:B/C cannot be stored"):
        encode([structs.replace(candle, trades=1), candle], INSTRUMENTS.__getitem__)
