"""What all screens share: the frame, the pulling, asking, one panel at a time where there is little room."""

from collections.abc import Callable, Iterator
from typing import ClassVar, TypeVar, cast

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.session.commands import Accepted, Command, Refused
from alphaplus_tui.session.queries import Query
from alphaplus_tui.state.slices import Mode
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.actions import ACTIONS, hints
from alphaplus_tui.tui.catalogue import CATALOGUE
from alphaplus_tui.tui.copying import copy
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.chips import Chip, ChipLine
from alphaplus_tui.tui.widgets.panel import Panel
from alphaplus_tui.tui.widgets.status import StatusLine

A = TypeVar("A")

NARROW, WIDE = 110, 170
SMALLEST = (60, 18)


class LiveScreen(Screen[None], inherit_bindings=False):
    """Looks at the state at ``ui.fps`` while it is shown, and does nothing while it is hidden."""

    NAME: ClassVar[str] = ""
    """Its name in the catalogue; the context of its actions."""
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.panels: list[Panel] = []
        self.shown = ""
        """The panel that is shown when there is room for one."""
        self.maximised = False
        self.ticks = 0
        self._timer: Timer | None = None
        self._drawn_prices = 0
        self._asking: dict[str, Worker[None]] = {}
        self.status = StatusLine(desk, id="status")
        self.tabs = ChipLine(desk, id="tabs")
        self.parts = ChipLine(desk, id="parts")
        self.hints = ChipLine(desk, id="hints", on_bar=True)
        self.welcome = Static(id="welcome", markup=False)
        self.too_small = Static(id="too-small", markup=False)

    @property
    def console(self) -> App[None]:
        return cast("App[None]", self.app)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.tabs
        yield self.welcome
        yield self.parts
        with Container(id="body"):
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
        self.panels = list(self.query(Panel))
        self.shown = self.panels[0].id or ""
        self.panels[0].focus()
        self.tabs.show([Chip(row.name, row.key, row.title, active=row.name == self.NAME) for row in CATALOGUE])
        self.hints.show(
            [
                Chip(action.run, key, action.hint, far=action.context == "everywhere")
                for action, key in hints(self.NAME, self.desk.keys)
            ]
        )
        self._timer = self.set_interval(1 / self.desk.ui.fps, self.tick)
        self.lay_out()
        self.tick()

    # Pulling

    def tick(self) -> None:
        """One frame."""
        if self.too_small.display:
            return
        self.ticks += 1
        look = self.desk.look()
        self.status.pull(look)
        self._pull_welcome(look)
        if self.desk.frozen:
            return
        self.pull(look)
        self._measure(look)

    def pull(self, look: Look) -> None:
        """Draw the panels that can be seen."""
        for panel in self.panels:
            if panel.display and panel.size.area:
                panel.pull(look)

    def on_screen_suspend(self) -> None:
        if self._timer is not None and not self.console.screen.is_modal:
            self._timer.pause()
            for worker in self._asking.values():
                worker.cancel()
            self._asking.clear()

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self.tick()
            self._timer.resume()

    def redraw(self) -> None:
        """The colours changed."""
        for panel in self.panels:
            panel.forget()
        for line in (self.status, self.tabs, self.parts, self.hints):
            line.refresh()
        look = self.desk.look()
        self.status.pull(look)
        self.pull(look)

    def _measure(self, look: Look) -> None:
        """Tell how old the oldest price is that this frame brings to the screen."""
        prices = look.state.prices
        if self.desk.on_drawn is None or prices.version == self._drawn_prices:
            return
        received = [row.ts_recv for row in prices.changed_since(self._drawn_prices).values() if row.ts_recv]
        first, self._drawn_prices = self._drawn_prices == 0, prices.version
        if received and not first:
            self.call_after_refresh(self._tell_drawn, min(received))

    def _tell_drawn(self, received: int) -> None:
        if self.desk.on_drawn is not None:
            self.desk.on_drawn(max(0.0, (self.desk.look().now - received) / 1e9))

    # Asking and wishing

    def ask(
        self,
        name: str,
        query: Query[A],
        answer: Callable[[A], None],
        failed: Callable[[str], None] | None = None,
        *,
        within_s: float = 5.0,
    ) -> None:
        """Ask the session; ``answer`` hears of it here, ``failed`` the cause. A new question of the same name
        replaces the old one; hiding the screen cancels all."""

        async def run() -> None:
            try:
                found = await self.desk.session.ask(query, deadline_s=within_s)
            except AlphaPlusError as error:
                if failed is not None:
                    failed(f"{error.title}: {error}")
                else:
                    self.notify(str(error), title=error.title, severity="warning", markup=False)
                return
            answer(found)

        self._asking[name] = self.run_worker(run(), name=name, group=name, exclusive=True)

    def pending(self) -> set[str]:
        """The names of the questions that have no answer yet."""
        return {name for name, worker in self._asking.items() if not worker.is_finished}

    def send(self, command: Command, done: str) -> None:
        """Send a wish; a toast says ``done``, or why not."""

        async def run() -> None:
            match await self.desk.session.send(command):
                case Accepted():
                    self.notify(done, markup=False, timeout=3)
                case Refused(reason):
                    self.notify(reason, title="Refused", severity="warning", markup=False)

        self.run_worker(run(), name="send", group="send")

    # One panel or all

    @property
    def single(self) -> bool:
        """Whether one panel at a time is shown."""
        return self.maximised or self.size.width < NARROW

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.too_small.display = small
        for child in self.children:
            if child is not self.too_small and child.id in {"status", "tabs", "body", "hints"}:
                child.display = not small
        if small:
            self.parts.display = self.welcome.display = False
            wanted = f"{width}×{height} is too small: AlphaPlus wants {SMALLEST[0]}×{SMALLEST[1]} or more"
            self.too_small.update(wanted if width >= 30 else "too small")
            return
        self.set_class(width >= WIDE, "-wide")
        self.set_class(height < 30, "-low")
        self.lay_out()

    def lay_out(self) -> None:
        """Show one panel or all, by the room there is."""
        if not self.panels or self.too_small.display:
            return
        single = self.single
        self.set_class(single, "-single")
        self.parts.display = single
        for panel in self.panels:
            panel.display = not single or panel.id == self.shown
        self.parts.show([Chip(p.id or "", "", p.TITLE, active=p.id == self.shown) for p in self.panels])

    def show_panel(self, name: str) -> None:
        """Bring the panel called ``name`` to the front and focus it."""
        self.shown = name
        self.lay_out()
        for panel in self.panels:
            if panel.id == name:
                # at once: the panel that is hidden gives the focus away when it notices, and would win otherwise
                self.set_focus(panel)
                panel.pull(self.desk.look())

    def focused_panel(self) -> Panel:
        """The panel that keys go to."""
        found = self.focused
        return (
            found if isinstance(found, Panel) else next((p for p in self.panels if p.id == self.shown), self.panels[0])
        )

    def action_panel(self, by: int) -> None:
        names = [panel.id or "" for panel in self.panels]
        here = self.focused_panel().id or ""
        self.show_panel(names[(names.index(here) + by) % len(names)])

    def action_maximise(self) -> None:
        self.maximised = not self.maximised
        self.show_panel(self.focused_panel().id or "")

    def action_back(self) -> None:
        if not self.back() and self.welcome.display:
            self.desk.layout.welcomed = True
            self.desk.remember()
            self.tick()

    def back(self) -> bool:
        """Undo the innermost thing that is open; False when nothing is."""
        if self.maximised:
            self.action_maximise()
            return True
        return False

    def action_copy_row(self) -> None:
        copy(self.console, self.focused_panel().copy_row(), self.desk.folder)

    def action_copy_panel(self) -> None:
        copy(self.console, self.focused_panel().copy_panel(), self.desk.folder)

    async def on_chip_line_pressed(self, message: ChipLine.Pressed) -> None:
        if message.line is self.tabs:
            await self.run_action(f"app.show('{message.name}')")
        elif message.line is self.parts:
            self.show_panel(message.name)
        elif message.line is self.hints and any(action.run == message.name for action in ACTIONS):
            await self.run_action(message.name)

    def on_panel_used(self, message: Panel.Used) -> None:
        self.shown = message.panel.id or ""

    def _pull_welcome(self, look: Look) -> None:
        system = look.state.system.get(ONLY)
        demo = system is not None and system.mode is Mode.DEMO
        wanted = demo and not self.desk.layout.welcomed and not self.too_small.display
        if wanted != self.welcome.display:
            self.welcome.display = wanted
            if wanted:
                self.welcome.update(WELCOME if self.size.width >= 150 else WELCOME_SHORT)


WELCOME = (
    " DEMO: these prices are invented by a simulated exchange on this machine. For a real one, run "
    'alphaplus config init and set id = "binance" under [exchange]. Esc hides this.'
)
WELCOME_SHORT = " DEMO: invented prices. For real ones: alphaplus config init  ·  Esc hides this"
