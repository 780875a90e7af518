"""In which order the watchlist shows the instruments, and which of them."""

from collections.abc import Hashable

from alphaplus_tui.state.slices import InstrumentRow, PriceRow
from alphaplus_tui.state.view import StateView
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.names import several_exchanges

SORTS = ("", "symbol", "change", "volume", "spread")
"""Empty: the order of the settings."""
_UNSORTED = ("spark", "signal")
"""Columns that give no order."""


class WatchOrder:
    """Pinned ones first, then by a column; both are kept in the layout, so that they are remembered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.find = ""
        """A part of the symbols that are shown; empty: all."""

    def pin(self, key: str) -> None:
        """Pin an instrument to the top, or let it go."""
        layout = self._desk.layout
        pinned = layout.pinned
        layout.pinned = [name for name in pinned if name != key] if key in pinned else [*pinned, key]
        self._desk.remember()

    def by_next(self, by: int) -> None:
        """So many columns further."""
        at = SORTS.index(self._desk.layout.sort) if self._desk.layout.sort in SORTS else 0
        self._by(SORTS[(at + by) % len(SORTS)])

    def by_column(self, column: str) -> None:
        """By this one; when it is the one already, the other way around."""
        if self._desk.layout.sort == column:
            self.turn_around()
        elif column not in _UNSORTED:
            self._by(column)

    def turn_around(self) -> None:
        self._desk.layout.sort_reverse = not self._desk.layout.sort_reverse
        self._desk.remember()

    def stamp(self, look: Look) -> Hashable:
        """Another one when the order may be another."""
        layout = self._desk.layout
        moving = int(look.mono) if layout.sort not in {"", "symbol"} else 0
        version = look.state.instruments.version
        return version, tuple(layout.pinned), layout.sort, layout.sort_reverse, self.find, moving

    def matching(self, state: StateView) -> list[InstrumentRow]:
        """Those that are shown, in the order of the settings."""
        wanted = self.find.casefold()
        rows = sorted(state.instruments.values(), key=lambda row: row.position)
        several = several_exchanges(state)
        return [row for row in rows if wanted in (row.instrument.id if several else row.instrument.symbol).casefold()]

    def keys(self, state: StateView) -> list[str]:
        """Those that are shown, in the order in which they stand."""
        rows, layout = self.matching(state), self._desk.layout
        if layout.sort == "symbol":
            rows.sort(key=lambda row: row.instrument.symbol)
        elif layout.sort:
            rows.sort(key=lambda row: _size(state.prices.get(row.instrument.id), layout.sort), reverse=True)
        if layout.sort_reverse:
            rows.reverse()
        pinned = set(layout.pinned)
        rows.sort(key=lambda row: row.instrument.id not in pinned)
        return [row.instrument.id for row in rows]

    def _by(self, column: str) -> None:
        self._desk.layout.sort, self._desk.layout.sort_reverse = column, False
        self._desk.remember()


def spread_bps(price: PriceRow) -> float | None:
    """Ask minus bid in hundredths of a percent of their middle."""
    if price.bid is None or price.ask is None or price.bid + price.ask <= 0:
        return None
    return (price.ask - price.bid) / ((price.ask + price.bid) / 2) * 10_000


def _size(price: PriceRow | None, column: str) -> float:
    """What a column sorts by; those without come last."""
    if price is None:
        return float("-inf")
    value = {
        "change": price.change_pct,
        "volume": price.quote_volume,
        "spread": spread_bps(price),
        "last": price.last,
        "age": -price.ts_recv,
    }.get(column)
    return float("-inf") if value is None else value
