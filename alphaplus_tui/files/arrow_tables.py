"""Reads feather and parquet tables with whatever names of columns we know."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.files.layouts import find_columns, normalised
from alphaplus_tui.files.sources import PACKED, Source, UnreadableFile
from alphaplus_tui.files.times import ns_of, parse_time

ENDINGS = {"feather": "feather", "parquet": "parquet", "pq": "parquet"}
"""Formats by the ending of the name."""


class ArrowTable:
    """A table on disk, of which columns are read when they are asked for."""

    def __init__(self, table: Any) -> None:  # pyarrow has no types
        self._table = table
        self.names = normalised(table.column_names)

    def __len__(self) -> int:
        return self._table.num_rows

    def kind(self, place: int) -> tuple[str, str]:
        """What times are written as, such as ``timestamp[ns]`` or ``int64``, and their zone."""
        kind = self._column(place).type
        name = str(kind).partition(",")[0].rstrip("]")
        return f"{name}]" if "[" in name else name, getattr(kind, "tz", None) or "UTC"

    def times(self, place: int) -> NDArray[np.int64]:
        """UTC ns; without a zone they are UTC. ``ValueError`` for what is no time, or missing."""
        arrow: Any = import_module("pyarrow")
        column = self._column(place)
        if column.null_count:
            raise ValueError(f"{column.null_count} times are missing")
        if arrow.types.is_timestamp(column.type) or arrow.types.is_date(column.type):
            stamps = column.cast(arrow.timestamp("ns", getattr(column.type, "tz", None)))
            return np.asarray(stamps.cast(arrow.int64()).to_numpy(), np.int64)
        if arrow.types.is_integer(column.type) or arrow.types.is_floating(column.type):
            return ns_of(np.rint(np.asarray(column.to_numpy())).astype(np.int64))[0]
        return np.array([parse_time(text) for text in column.to_pylist()], np.int64)

    def numbers(self, place: int) -> NDArray[np.float64]:
        """NaN where there is none. ``ValueError`` for text that is no number."""
        arrow: Any = import_module("pyarrow")
        return np.asarray(self._column(place).cast(arrow.float64()).to_numpy(), np.float64)

    def texts(self, place: int) -> list[str]:
        """As text; empty where there is none."""
        return ["" if cell is None else str(cell) for cell in self._column(place).to_pylist()]

    def _column(self, place: int) -> Any:
        return self._table.column(place)


def look(source: Source, asked: str) -> tuple[tuple[str, ...], str, str]:
    """Names of the columns, unit and zone of the times."""
    table = read_table(source, asked or ENDINGS[source.ending], rows=False)
    columns = find_columns(table.names)
    unit, zone = table.kind(columns.time) if columns is not None else ("", "UTC")
    return table.names, unit, zone


def read_table(source: Source, format_name: str, *, rows: bool = True) -> ArrowTable:
    """rows: False for what can be told without reading them. ``UnreadableFile``, ``ValueError``."""
    if source.path.suffix.lower() in PACKED:
        raise UnreadableFile("feather and parquet are compressed inside; unpack this one first")
    file = str(source.path)
    with _trouble():
        if format_name == "parquet":
            parquet: Any = import_module("pyarrow.parquet")
            return ArrowTable(parquet.read_table(file) if rows else parquet.read_schema(file).empty_table())
        feather: Any = import_module("pyarrow.feather")
        return ArrowTable(feather.read_table(file, memory_map=True))


@contextmanager
def _trouble() -> Generator[None]:
    """What pyarrow raises as ``ValueError``."""
    arrow: Any = import_module("pyarrow")
    try:
        yield
    except arrow.ArrowException as error:
        raise ValueError(str(error)) from None
