"""Writes tables row by row as CSV, JSON or Parquet."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any, BinaryIO, Literal

from msgspec import Struct

from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.errors import UnknownName

FORMATS = ("csv", "json", "parquet")

Cell = str | float | int | None
Row = Sequence[Cell]


class Column(Struct, frozen=True):
    """A column's name and what it holds; ``time`` is UTC nanoseconds, written as ISO 8601."""

    name: str
    kind: Literal["text", "number", "count", "time"]


class TableWriter(ABC):
    """Takes rows in the order of the columns; ``close`` ends the table and leaves the stream open."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        self._stream, self._columns = stream, columns

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


def open_table(stream: BinaryIO, columns: Sequence[Column], format_name: str) -> TableWriter:
    """A writer of ``format_name``; ``UnknownName`` when there is no such format."""
    match format_name:
        case "csv":
            return CsvWriter(stream, columns)
        case "json":
            return JsonWriter(stream, columns)
        case "parquet":
            return ParquetWriter(stream, columns)
        case _:
            raise UnknownName("format", format_name, FORMATS)


class CsvWriter(TableWriter):
    """With a header. Text that a spreadsheet would run as a formula gets an apostrophe before it."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        super().__init__(stream, columns)
        self._write([[column.name for column in columns]])

    def write(self, rows: Sequence[Row]) -> None:
        self._write(
            [[self._cell(column, cell) for column, cell in zip(self._columns, row, strict=True)] for row in rows]
        )

    def close(self) -> None:
        self._stream.flush()

    def _write(self, rows: Sequence[Row]) -> None:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(rows)
        self._stream.write(buffer.getvalue().encode())

    @staticmethod
    def _cell(column: Column, cell: Cell) -> Cell:
        if cell is None:
            return ""
        if column.kind == "time" and isinstance(cell, int):
            return iso_time(cell)
        if column.kind == "text" and str(cell)[:1] in ("=", "+", "-", "@", "\t", "\r"):
            return f"'{cell}"
        return cell


class JsonWriter(TableWriter):
    """One array of objects, an object a line."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        super().__init__(stream, columns)
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            record = {
                column.name: iso_time(cell) if column.kind == "time" and isinstance(cell, int) else cell
                for column, cell in zip(self._columns, row, strict=True)
            }
            self._stream.write((",\n" if self._begun else "[\n").encode() + json.dumps(record).encode())
            self._begun = True

    def close(self) -> None:
        self._stream.write(b"\n]\n" if self._begun else b"[]\n")
        self._stream.flush()


class ParquetWriter(TableWriter):
    """Times as nanosecond timestamps in UTC, compressed with zstd."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        super().__init__(stream, columns)
        # heavy, and wanted by this format alone; Any, because pyarrow ships no types
        pa: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
        types = {
            "text": pa.string(),
            "number": pa.float64(),
            "count": pa.int64(),
            "time": pa.timestamp("ns", tz="UTC"),
        }
        self._pa = pa
        self._schema = pa.schema([pa.field(column.name, types[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        arrays = [
            self._pa.array(list(values), field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
        self._stream.flush()
