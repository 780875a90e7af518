"""Tables written as CSV, JSON and Parquet read back as what went in."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.files.tables import Column, Row, open_table

COLUMNS = (Column("symbol", "text"), Column("ts", "time"), Column("price", "number"), Column("trades", "count"))
ROWS: list[Row] = [
    ("BTC/USDT", 1_723_161_300_000_000_000, 61828.0, 3),
    ("BTC/USDT", 1_723_161_300_123_000_000, 61_828.123456789, None),
]


def written(format_name: str, rows: list[Row] = ROWS) -> bytes:
    stream = io.BytesIO()
    table = open_table(stream, COLUMNS, format_name)
    for row in rows:
        table.write([row])
    table.close()
    return stream.getvalue()


def test_csv_has_a_header_iso_times_and_every_digit() -> None:
    assert list(csv.reader(io.StringIO(written("csv").decode()))) == [
        ["symbol", "ts", "price", "trades"],
        ["BTC/USDT", "2024-08-08T23:55:00Z", "61828.0", "3"],
        ["BTC/USDT", "2024-08-08T23:55:00.123Z", "61828.123456789", ""],
    ]


def test_csv_disarms_text_that_a_spreadsheet_would_run() -> None:
    rows: list[Row] = [('=HYPERLINK("http://x")', 0, -1.5, -2)]
    assert list(csv.reader(io.StringIO(written("csv", rows).decode())))[1] == [
        '\'=HYPERLINK("http://x")',
        "1970-01-01T00:00:00Z",
        "-1.5",
        "-2",
    ]


def test_json_is_one_array_of_objects_also_when_it_is_empty() -> None:
    assert json.loads(written("json"))[1] == {
        "symbol": "BTC/USDT",
        "ts": "2024-08-08T23:55:00.123Z",
        "price": 61_828.123456789,
        "trades": None,
    }
    assert json.loads(written("json", [])) == []


def test_parquet_keeps_types_and_nanoseconds() -> None:
    table = pq.read_table(io.BytesIO(written("parquet")))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # pyarrow ships no types
    assert str(table.schema.field("ts").type) == "timestamp[ns, tz=UTC]"  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # likewise
    assert table.column("ts").cast("int64").to_pylist() == [row[1] for row in ROWS]  # pyright: ignore[reportUnknownMemberType]  # likewise
    assert table.column("trades").to_pylist() == [3, None]  # pyright: ignore[reportUnknownMemberType]  # likewise


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="unknown format 'cvs'; did you mean 'csv'"):
        open_table(io.BytesIO(), COLUMNS, "cvs")


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.500Z"),
        (1_000, "1970-01-01T00:00:00.000001Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1_000_000_000, "1969-12-31T23:59:59Z"),
    ],
)
def test_a_time_has_as_many_digits_as_it_needs(ts: int, text: str) -> None:
    assert iso_time(ts) == text
