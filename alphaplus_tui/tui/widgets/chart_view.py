"""Which part of a chart is looked at: how far back in time, how wide the candles, where the crosshair stands."""

from collections.abc import Callable

from alphaplus_tui.tui.desk import Desk

ZOOMS: tuple[tuple[int, int], ...] = ((16, 1), (8, 1), (4, 1), (2, 1), (1, 1), (1, 2), (1, 3))
"""Candles a slot, screen columns a slot."""
USUAL_ZOOM, USUAL_ZOOM_WIDE = 4, 5
WIDE_PLOT = 84


class ChartView:
    """Counts in slots; the zoom belongs to the layout, so that it is remembered."""

    def __init__(self, desk: Desk, on_change: Callable[[], None]) -> None:
        self.pan = 0
        """Slots between the newest candle and the right edge."""
        self.cross: int | None = None
        """Slots from the right edge to the crosshair."""
        self.hover: int | None = None
        """The column under the pointer, from the left."""
        self.width = 0
        """Screen columns of the panel, and ..."""
        self.columns = 1
        """... the slots that were drawn there last."""
        self._desk, self._on_change = desk, on_change

    @property
    def zoom(self) -> tuple[int, int]:
        """Candles a slot, screen columns a slot."""
        level = self._desk.layout.zoom
        if level is None or not 0 <= level < len(ZOOMS):
            level = USUAL_ZOOM if self.width < WIDE_PLOT else USUAL_ZOOM_WIDE
        return ZOOMS[level]

    def move(self, by: int) -> None:
        """Slots back in time (or the crosshair, when it is on)."""
        if self.cross is not None:
            self.cross += by
            if self.cross < 0:
                self.pan, self.cross = max(0, self.pan + self.cross), 0
            elif self.cross >= self.columns:
                self.pan, self.cross = self.pan + self.cross - self.columns + 1, self.columns - 1
        else:
            self.pan = max(0, self.pan + by * max(1, self.columns // 12))
        self._on_change()

    def point(self, column: int | None, *, dragged: int = 0) -> None:
        """The pointer is over a column, or outside; ``dragged``: and pulled the candles so many slots along."""
        if column != self.hover or dragged:
            self.hover, self.pan = column, max(0, self.pan + dragged)
            self._on_change()

    def toggle_cross(self) -> None:
        self.cross = 0 if self.cross is None else None
        self._on_change()

    def change_zoom(self, by: int) -> None:
        level = ZOOMS.index(self.zoom) + by
        self._desk.layout.zoom = max(0, min(len(ZOOMS) - 1, level))
        self._desk.remember()
        self._on_change()

    def reset(self) -> None:
        """The newest candles at the usual zoom."""
        self.pan, self.cross = 0, None
        self._desk.layout.zoom = None
        self._desk.remember()
        self._on_change()

    def to_newest(self) -> None:
        """Another chart is looked at; zoom and crosshair stay."""
        self.pan, self.hover = 0, None
