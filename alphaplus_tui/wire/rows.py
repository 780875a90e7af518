"""How the rows of each slice travel: most of them whole, charts and tapes as what is new in them."""

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.state.slices import ChartRow, TapeRow
from alphaplus_tui.state.view import StateView

K = TypeVar("K")
R = TypeVar("R")

OWN = frozenset({"link"})
"""Slices that every visitor writes itself."""
_LAST = ("tapes", "charts")
"""The heavy ones come after what is quick to tell."""


class Changes(Struct, Generic[K, R], frozen=True, array_like=True):
    """What is new in one slice: first rows go, then rows come, in this order."""

    gone: list[K]
    rows: list[tuple[K, R]]


class ChartPatch(Struct, frozen=True, array_like=True):
    """The closed candles are those told before, ``kept`` from ``first`` on, and then ``added``."""

    instrument: InstrumentId
    timeframe: Timeframe
    first: int
    kept: int
    added: tuple[Candle, ...]
    forming: Candle | None


class TapePatch(Struct, frozen=True, array_like=True):
    """The trades are ``added``, newest first, and then the first ``kept`` of those told before."""

    instrument: InstrumentId
    added: tuple[Trade, ...]
    kept: int


def pack_row(before: object, row: object) -> tuple[object, int]:
    """What travels for a row whose reader knows ``before`` (None: nothing), and how heavy it is (1: a plain row)."""
    match row:
        case ChartRow():
            first, kept = _kept(before.closed if isinstance(before, ChartRow) else (), row.closed)
            added = row.closed[kept:]
            return ChartPatch(row.instrument, row.timeframe, first, kept, added, row.forming), 1 + len(added)
        case TapeRow():
            known = before.trades if isinstance(before, TapeRow) else ()
            kept = _kept_at_the_end(known, row.trades)
            added = row.trades[: len(row.trades) - kept]
            return TapePatch(row.instrument, added, kept), 1 + len(added)
        case _:
            return row, 1


def unpack_row(before: object, packed: object) -> object:
    """The row of what travelled; ``ValueError`` when it builds on what was never told."""
    match packed:
        case ChartPatch():
            known = before.closed if isinstance(before, ChartRow) else ()
            kept = known[packed.first : packed.first + packed.kept]
            if len(kept) != packed.kept:
                raise ValueError(f"{packed.instrument} {packed.timeframe}: builds on candles that were not told")
            closed = kept + packed.added if packed.added or len(kept) != len(known) else known
            return ChartRow(packed.instrument, packed.timeframe, closed, packed.forming)
        case TapePatch():
            known = before.trades if isinstance(before, TapeRow) else ()
            if len(known) < packed.kept:
                raise ValueError(f"{packed.instrument}: builds on trades that were not told")
            return TapeRow(packed.instrument, packed.added + known[: packed.kept])
        case _:
            return packed


def _kept(known: Sequence[Candle], wanted: Sequence[Candle]) -> tuple[int, int]:
    """Where in ``known`` the longest beginning of ``wanted`` starts, and its length."""
    if wanted is known:
        return 0, len(known)
    if not known or not wanted:
        return 0, 0
    first = next((at for at, candle in enumerate(known) if candle.open_time >= wanted[0].open_time), len(known))
    kept = 0
    for old, new in zip(known[first:], wanted, strict=False):
        if old is not new and old != new:
            break
        kept += 1
    return first, kept


def _kept_at_the_end(known: Sequence[Trade], wanted: Sequence[Trade]) -> int:
    """How many trades at the end of ``wanted`` are the first of ``known``."""
    if not known:
        return 0
    newest = known[0]
    start = next((at for at, trade in enumerate(wanted) if trade is newest or trade == newest), len(wanted))
    rest = wanted[start:]
    if len(rest) > len(known):
        return 0
    return len(rest) if all(a is b or a == b for a, b in zip(rest, known, strict=False)) else 0


_PATCHES: dict[Any, Any] = {ChartRow: ChartPatch, TapeRow: TapePatch}


def _slices() -> dict[str, tuple[Any, Any]]:
    """Name → types of key and row, of every slice that travels, the heavy ones last."""
    properties = [name for name, value in vars(StateView).items() if isinstance(value, property)]
    names = [name for name in properties if name not in OWN and name not in _LAST] + list(_LAST)
    return {name: get_args(get_type_hints(vars(StateView)[name].fget)["return"]) for name in names}


SLICES = _slices()
CHANGES: dict[str, Any] = {name: Changes[key, _PATCHES.get(row, row)] for name, (key, row) in SLICES.items()}
"""Name → the type that its changes are decoded as."""


def shape_of(*types: Any) -> str:
    """A short mark that differs when any type, or field, of what travels does."""
    _, parts = msgspec.json.schema_components(types)
    for part in parts.values():
        part.pop("description", None)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
