"""Encodes trades for COPY."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.errors import FatalError
from alphaplus_tui.storage.binary import column, rows, whole
from alphaplus_tui.storage.instants import to_postgres

COLUMNS = (
    "ts", "seq", "price", "quantity", "ts_recv", "instrument_id", "sub_ms_ns", "side", "provenance", "trade_id",
)  # fmt: skip
ROWS_AT_ONCE = 8192
"""Takes a few milliseconds; between two of them the event loop has its turn."""

_MS_NS = 1_000_000
_ZERO_MS_US = to_postgres(0)
_SIDES = (Side.BUY, Side.SELL)
_PROVENANCES = tuple(Provenance)
_ORIGINS = {provenance: code for code, provenance in enumerate(_PROVENANCES)}
_FIXED = COLUMNS[:7]


def encode(trades: Sequence[Trade], number_of: Callable[[InstrumentId], int]) -> bytes:
    """A whole COPY of ``trades``; ``FatalError`` when one of them can never be stored.

    number_of: the database's number of an instrument. Rows come out grouped by side and length, not in order.
    """
    try:
        columns = _fixed_columns(trades, number_of)
        trade_ids = [trade.trade_id.encode() for trade in trades]
    except (struct.error, UnicodeEncodeError) as error:
        raise FatalError(f"a trade of {trades[0].instrument} cannot be stored: {error}") from error
    finite = np.isfinite(columns["price"]) & np.isfinite(columns["quantity"])
    if not finite.all():
        raise FatalError(f"a trade without finite price and quantity cannot be stored: {trades[int(finite.argmin())]}")
    if b"\0" in b"".join(trade_ids):
        raise FatalError(f"a trade of {trades[0].instrument} whose id holds a NUL character cannot be stored")
    shapes = _shapes(trades, trade_ids)
    kinds: set[int] = set(shapes.tolist())
    pieces = [_rows(columns, trade_ids, np.flatnonzero(shapes == kind), kind) for kind in sorted(kinds)]
    return whole(pieces)


def _fixed_columns(trades: Sequence[Trade], number_of: Callable[[InstrumentId], int]) -> dict[str, NDArray[Any]]:
    instruments = [trade.instrument for trade in trades]
    ts_event = column("q", [trade.ts_event for trade in trades])
    ts_ms = ts_event // _MS_NS
    numbers = {instrument: number_of(instrument) for instrument in set(instruments)}
    return {
        "ts": ts_ms * 1000 + _ZERO_MS_US,
        "seq": column("q", [trade.seq for trade in trades]),
        "price": column("d", [trade.price for trade in trades]),
        "quantity": column("d", [trade.quantity for trade in trades]),
        "ts_recv": column("q", [trade.ts_recv for trade in trades]) // 1000 + _ZERO_MS_US,
        "instrument_id": column("i", list(map(numbers.__getitem__, instruments))),
        "sub_ms_ns": (ts_event - ts_ms * _MS_NS).astype("i4"),
    }


def _shapes(trades: Sequence[Trade], trade_ids: Sequence[bytes]) -> NDArray[Any]:
    """A number for each row; rows of one shape are equally long and say the same side and provenance."""
    sell = Side.SELL
    sold = column("?", [trade.side is sell for trade in trades])
    origins = column("q", [_ORIGINS[trade.provenance] for trade in trades])
    lengths = column("q", list(map(len, trade_ids)))
    return (lengths * len(_PROVENANCES) + origins) * 2 + sold


def _rows(columns: dict[str, NDArray[Any]], trade_ids: Sequence[bytes], chosen: NDArray[Any], shape: int) -> bytes:
    """Those ``chosen`` (indices), all of one shape."""
    rest, sold = divmod(shape, 2)
    length, origin = divmod(rest, len(_PROVENANCES))
    some: list[int] = chosen.tolist()
    ids = np.frombuffer(b"".join([trade_ids[row] for row in some]), f"V{length}") if length else b""
    fixed = [columns[name][chosen] for name in _FIXED]
    return rows(len(chosen), [*fixed, _SIDES[sold].encode(), _PROVENANCES[origin].encode(), ids])
