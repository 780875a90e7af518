"""What the screens of one console share: the session, the clock, the colours, the layout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from alphaplus_tui.session.session import Session
from alphaplus_tui.state.slices import InstrumentRow
from alphaplus_tui.state.view import StateView
from alphaplus_tui.tui.clock import ConsoleClock, market_now
from alphaplus_tui.tui.layout import Layout, save_layout
from alphaplus_tui.tui.theme import Inks


class UiView(Protocol):
    """The ``[ui]`` settings, as far as the console reads them."""

    @property
    def theme(self) -> str: ...
    @property
    def up_color(self) -> str: ...
    @property
    def symbols(self) -> str: ...
    @property
    def fps(self) -> int: ...
    @property
    def bell(self) -> bool: ...
    @property
    def desktop(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Look:
    """One frame's view: the state, the time, and how to draw."""

    state: StateView
    now: int
    """UTC ns on the market's clock."""
    mono: float
    """Monotonic seconds."""
    inks: Inks
    symbols: str
    """``braille``, ``block`` or ``ascii``."""


@dataclass(slots=True)
class Desk:
    """Handed to every screen."""

    session: Session
    ui: UiView
    keys: Mapping[str, str]
    folder: Path
    clock: ConsoleClock
    layout: Layout
    inks: Inks
    frozen: bool = False
    unsaved: bool = False
    log_service: str = ""
    """The service whose log is wanted, told by the Services screen to the Logs screen."""
    service: str = ""
    """The service to go to, told by the Logs screen to the Services screen."""
    why: str = ""
    """The instrument whose newest decision is to be explained, told by the Markets screen to the Signals screen."""
    on_drawn: Callable[[float], None] | None = None
    """Hears the seconds from our receipt of what changed to its being drawn."""

    def look(self) -> Look:
        state = self.session.state
        return Look(state, market_now(state, self.clock), self.clock.monotonic(), self.inks, self.ui.symbols)

    def selected(self) -> InstrumentRow | None:
        """The instrument that charts and books show: the chosen one, else the first."""
        instruments = self.session.state.instruments
        for row in instruments.values():
            if row.instrument.id == self.layout.symbol:
                return row
        return min(instruments.values(), key=lambda row: row.position, default=None)

    def remember(self) -> None:
        """The layout changed; it is written soon."""
        self.unsaved = True

    def save(self) -> None:
        """Write the layout if it changed."""
        if self.unsaved:
            self.unsaved = False
            save_layout(self.folder, self.layout)
