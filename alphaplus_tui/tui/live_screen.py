"""What all screens share: the frame, the pulling, one panel at a time where there is little room."""

from collections.abc import Iterator
from typing import ClassVar, cast

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from alphaplus_tui.tui.actions import ACTIONS, hints
from alphaplus_tui.tui.catalogue import CATALOGUE
from alphaplus_tui.tui.copying import copy
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.drawn import DrawnAge
from alphaplus_tui.tui.questions import Questions
from alphaplus_tui.tui.widgets.chips import Chip, ChipLine
from alphaplus_tui.tui.widgets.panels import Panels
from alphaplus_tui.tui.widgets.status import StatusLine
from alphaplus_tui.tui.widgets.welcome import Welcome

WIDE, LOW = 170, 30
SMALLEST = (60, 18)


class LiveScreen(Screen[None], inherit_bindings=False):
    """Looks at the state at ``ui.fps`` while it is shown, and does nothing while it is hidden."""

    NAME: ClassVar[str] = ""
    """Its name in the catalogue; the context of its actions."""
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.questions = Questions(self, desk.session)
        self.ticks = 0
        self._timer: Timer | None = None
        self._drawn = DrawnAge(self, desk)
        self.status = StatusLine(desk, id="status")
        self.tabs = ChipLine(desk, id="tabs")
        self.welcome = Welcome(desk)
        self.parts = ChipLine(desk, id="parts")
        self.panels = Panels(desk, self.parts)
        self.hints = ChipLine(desk, id="hints", on_bar=True)
        self.too_small = Static(id="too-small", markup=False)

    @property
    def console(self) -> App[None]:
        return cast("App[None]", self.app)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.tabs
        yield self.welcome
        yield self.parts
        with self.panels:
            yield from self.body()
        yield from self.below()
        yield self.hints
        yield self.too_small

    def body(self) -> Iterator[Widget]:
        """The panels of the screen in their containers."""
        raise NotImplementedError

    def below(self) -> Iterator[Widget]:
        """What stands between the panels and the hints."""
        yield from ()

    def on_mount(self) -> None:
        self.tabs.show([Chip(row.name, row.key, row.title, active=row.name == self.NAME) for row in CATALOGUE])
        self.hints.show(
            [
                Chip(action.run, key, action.hint, far=action.context == "everywhere")
                for action, key in hints(self.NAME, self.desk.keys)
            ]
        )
        self._timer = self.set_interval(1 / self.desk.ui.fps, self.tick)
        self.panels.begin()
        self.tick()

    # Pulling

    def tick(self) -> None:
        """One frame."""
        if self.too_small.display:
            return
        self.ticks += 1
        look = self.desk.look()
        self.status.pull(look)
        self.welcome.pull(look)
        if self.desk.frozen:
            return
        self.pull(look)
        self._drawn.measure(look)

    def pull(self, look: Look) -> None:
        """Draw what the state says now."""
        self.panels.pull(look)

    def on_screen_suspend(self) -> None:
        if self._timer is not None and not self.console.screen.is_modal:
            self._timer.pause()
            self.questions.cancel()

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self.tick()
            self._timer.resume()

    def redraw(self) -> None:
        """The colours changed."""
        self.panels.forget()
        for line in (self.status, self.tabs, self.parts, self.hints):
            line.refresh()
        look = self.desk.look()
        self.status.pull(look)
        self.pull(look)

    # One panel or all

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.too_small.display = small
        for widget in (self.status, self.tabs, self.panels, self.hints):
            widget.display = not small
        if small:
            self.parts.display = self.welcome.display = False
            wanted = f"{width}×{height} is too small: AlphaPlus wants {SMALLEST[0]}×{SMALLEST[1]} or more"
            self.too_small.update(wanted if width >= 30 else "too small")
            return
        self.set_class(width >= WIDE, "-wide")
        self.set_class(height < LOW, "-low")
        self.panels.lay_out()

    def show_panel(self, name: str) -> None:
        """Bring the panel called ``name`` to the front and focus it."""
        self.panels.show(name)

    def action_panel(self, by: int) -> None:
        self.show_panel(self.panels.neighbour(by))

    def action_maximise(self) -> None:
        self.panels.maximised = not self.panels.maximised
        self.show_panel(self.panels.focused.id or "")

    def action_back(self) -> None:
        if not self.back() and self.welcome.read():
            self.tick()

    def back(self) -> bool:
        """Undo the innermost thing that is open; False when nothing is."""
        if self.panels.maximised:
            self.action_maximise()
            return True
        return False

    def action_copy_row(self) -> None:
        copy(self.console, self.panels.focused.copy_row(), self.desk.folder)

    def action_copy_panel(self) -> None:
        copy(self.console, self.panels.focused.copy_panel(), self.desk.folder)

    async def on_chip_line_pressed(self, message: ChipLine.Pressed) -> None:
        if message.line is self.tabs:
            await self.run_action(f"app.show('{message.name}')")
        elif message.line is self.parts:
            self.show_panel(message.name)
        elif message.line is self.hints and any(action.run == message.name for action in ACTIONS):
            await self.run_action(message.name)
