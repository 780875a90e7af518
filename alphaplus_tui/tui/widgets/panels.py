"""The panels of a screen: all of them, or one at a time where there is little room."""

from textual.containers import Container

from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.chips import Chip, ChipLine
from alphaplus_tui.tui.widgets.panel import Panel

NARROW = 110


class Panels(Container):
    """Knows which panel is in front; ``parts`` names them all while only that one is shown."""

    def __init__(self, desk: Desk, parts: ChipLine) -> None:
        super().__init__(id="body")
        self.desk, self.parts = desk, parts
        self.all: list[Panel] = []
        self.shown = ""
        """The panel that is shown when there is room for one."""
        self.maximised = False

    def begin(self) -> None:
        """The panels are there; the first has the focus."""
        self.all = list(self.query(Panel))
        self.shown = self.all[0].id or ""
        self.all[0].focus()
        self.lay_out()

    @property
    def single(self) -> bool:
        """Whether one panel at a time is shown."""
        return self.maximised or self.screen.size.width < NARROW

    @property
    def focused(self) -> Panel:
        """The panel that keys go to."""
        found = self.screen.focused
        return found if isinstance(found, Panel) else next((p for p in self.all if p.id == self.shown), self.all[0])

    def lay_out(self) -> None:
        """Show one panel or all, by the room there is."""
        if not self.all or not self.display:
            return
        single = self.single
        self.screen.set_class(single, "-single")
        self.parts.display = single
        for panel in self.all:
            panel.display = not single or panel.id == self.shown
        self.parts.show([Chip(p.id or "", "", p.TITLE, active=p.id == self.shown) for p in self.all])

    def show(self, name: str) -> None:
        """Bring the panel called ``name`` to the front and focus it."""
        self.shown = name
        self.lay_out()
        for panel in self.all:
            if panel.id == name:
                # at once: the panel that is hidden gives the focus away when it notices, and would win otherwise
                self.screen.set_focus(panel)
                panel.pull(self.desk.look())

    def neighbour(self, by: int) -> str:
        """The name of the panel so many places after the focused one, round and round."""
        names = [panel.id or "" for panel in self.all]
        return names[(names.index(self.focused.id or "") + by) % len(names)]

    def away_from_home(self) -> bool:
        """Whether another panel than the first hides it, for lack of room."""
        return self.single and not self.maximised and self.shown != self.all[0].id

    def pull(self, look: Look) -> None:
        """Draw the panels that can be seen."""
        for panel in self.all:
            if panel.display and panel.size.area:
                panel.pull(look)

    def forget(self) -> None:
        """Everything must be drawn again."""
        for panel in self.all:
            panel.forget()

    def on_panel_used(self, message: Panel.Used) -> None:
        self.shown = message.panel.id or ""
