"""PostgreSQL's binary COPY, laid out column by column with numpy."""

import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = -1

Field = NDArray[Any] | bytes | None
"""One value for each row, in the machine's order of bytes; or the same for all; None: NULL."""


def whole(pieces: Iterable[bytes]) -> bytes:
    """A whole COPY of rows that are laid out."""
    return b"".join((_HEADER, *pieces, _TRAILER))


def rows(count: int, fields: Sequence[Field]) -> bytes:
    """``count`` rows, each value behind its length."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for number, field in enumerate(fields):
        layout.append((f"length {number}", ">i4"))
        if isinstance(field, bytes):
            layout.append((f"field {number}", f"S{len(field)}"))
        elif field is not None:
            layout.append((f"field {number}", field.dtype.newbyteorder(">").str))
    made = np.empty(count, np.dtype(layout))
    made["fields"] = len(fields)
    for number, field in enumerate(fields):
        if field is None:
            made[f"length {number}"] = _NULL
            continue
        made[f"length {number}"] = len(field) if isinstance(field, bytes) else field.dtype.itemsize
        made[f"field {number}"] = field
    return made.tobytes()


def value(field: bytes) -> bytes:
    """One value behind its length."""
    return struct.pack(">i", len(field)) + field


def column(kind: str, values: Sequence[float]) -> NDArray[Any]:
    """An array by way of ``struct``, which takes half the time of numpy's own way from a list.

    kind: a format character of ``struct``; ``struct.error`` for a value that does not fit it.
    """
    return np.frombuffer(struct.pack(f"{len(values)}{kind}", *values), kind)
