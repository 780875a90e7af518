"""Tells one visitor what is new in the state since it was last told."""

from typing import Any, NamedTuple

import msgspec

from alphaplus_tui.state.view import Slice, StateView
from alphaplus_tui.wire.rows import SLICES, Changes, pack_row

_ENCODER = msgspec.msgpack.Encoder()


class News(NamedTuple):
    """What is new by slice, encoded, and whether the visitor then knows everything."""

    slices: dict[str, msgspec.Raw]
    whole: bool


class Teller:
    """What one visitor was told: it remembers the rows themselves, so that whatever happened between two visits
    comes to the newest row of each key."""

    def __init__(self, state: StateView) -> None:
        self._slices = {name: _Told(getattr(state, name)) for name in SLICES}

    def news(self, *, at_most: int) -> News:
        """at_most: how much is told at once; a plain row counts as 1, each new candle or trade of a row as 1."""
        found: dict[str, msgspec.Raw] = {}
        room = at_most
        for name, told in self._slices.items():
            changes, used = told.changes(room)
            room -= used
            if changes is not None:
                found[name] = msgspec.Raw(_ENCODER.encode(changes))
        return News(found, all(told.whole for told in self._slices.values()))


class _Told:
    """One slice as the visitor knows it, in the visitor's order."""

    def __init__(self, rows: Slice[Any, Any]) -> None:
        self._rows = rows
        self._known: dict[Any, Any] = {}
        self._version = 0
        self.whole = True

    def changes(self, room: int) -> tuple[Changes[Any, Any] | None, int]:
        """What is new, and how heavy it is; at least one row while there is ``room`` for anything."""
        if self.whole and self._version == self._rows.version:
            return None, 0
        self._version, self.whole = self._rows.version, True
        gone = self._out_of_place()
        for key in gone:
            del self._known[key]
        rows: list[tuple[Any, Any]] = []
        used = 0
        for key, row in self._rows.items():
            before = self._known.get(key)
            if before is row:
                continue
            if used >= room:
                self.whole = False
                break
            packed, weight = pack_row(before, row)
            used += weight
            rows.append((key, packed))
            self._known[key] = row
        return (Changes(gone, rows) if gone or rows else None), used

    def _out_of_place(self) -> list[Any]:
        """Keys that went, and all from the first on that went and came again: it stands elsewhere now."""
        gone = [key for key in self._known if key not in self._rows]
        left = [key for key in self._known if key in self._rows] if gone else list(self._known)
        for at, (known, key) in enumerate(zip(left, self._rows, strict=False)):
            if known != key:
                return gone + left[at:]
        return gone
