"""Tells a newcomer that the prices are invented, until it was read."""

from textual.widgets import Static

from alphaplus_tui.state.slices import Mode
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.desk import Desk, Look

_ROOM_FOR_ALL = 150
_WELCOME = (
    " DEMO: these prices are invented by a simulated exchange on this machine. For a real one, run "
    'alphaplus config init and set id = "binance" under [exchange]. Esc hides this.'
)
_WELCOME_SHORT = " DEMO: invented prices. For real ones: alphaplus config init  ·  Esc hides this"


class Welcome(Static):
    """One line, on the demo market only."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(id="welcome", markup=False)
        self.desk = desk

    def pull(self, look: Look) -> None:
        system = look.state.system.get(ONLY)
        wanted = system is not None and system.mode is Mode.DEMO and not self.desk.layout.welcomed
        if wanted != self.display:
            self.display = wanted
            if wanted:
                self.update(_WELCOME if self.screen.size.width >= _ROOM_FOR_ALL else _WELCOME_SHORT)

    def read(self) -> bool:
        """The user has read it; False where there is nothing to read."""
        if not self.display:
            return False
        self.desk.layout.welcomed = True
        self.desk.remember()
        return True
