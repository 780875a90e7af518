"""Says on the demo market that what models find there was put into it."""

from textual.widgets import Static

from alphaplus_tui.state.slices import Mode
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.desk import Look
from alphaplus_tui.tui.widgets.opinion import PLANTED


class PlantedLine(Static):
    """One line, on the demo market only."""

    def __init__(self) -> None:
        super().__init__(id="planted", markup=False)

    def pull(self, look: Look) -> None:
        system = look.state.system.get(ONLY)
        demo = system is not None and system.mode is Mode.DEMO
        if demo != self.display:
            self.display = demo
            self.update(f" DEMO  {PLANTED}")
