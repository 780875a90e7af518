"""The console as a Textual app: it holds the screens and what belongs to none of them."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import BindingType
from textual.command import CommandPalette, Provider
from textual.notifications import SeverityLevel

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.session.queries import AlertsPage
from alphaplus_tui.session.session import Session
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.actions import EVERYWHERE, bindings
from alphaplus_tui.tui.calling import call
from alphaplus_tui.tui.catalogue import CATALOGUE, ScreenRow, screen_row
from alphaplus_tui.tui.clock import ConsoleClock, WallClock
from alphaplus_tui.tui.desk import Desk, UiView
from alphaplus_tui.tui.keymap import normal
from alphaplus_tui.tui.layout import load_layout
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.notices import Notices
from alphaplus_tui.tui.overlays import keys_help, notices, panel_help
from alphaplus_tui.tui.palette import ActionEntries, JumpEntries
from alphaplus_tui.tui.stopping import endure_being_stopped
from alphaplus_tui.tui.theme import DARK, OWN_THEMES, first_theme, make_inks, theme_names

_SEVERITY: dict[str, SeverityLevel] = {"information": "information", "warning": "warning", "error": "error"}
EXIT_TERMINAL_GONE = 129
_ALERTS_SHOWN = 100


class ConsoleApp(App[None], inherit_bindings=False):
    """One visitor's console on a session."""

    TITLE = "AlphaPlus"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(EVERYWHERE)
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionEntries}
    COMMAND_PALETTE_BINDING = "f12"
    """Textual's own binding; ours, from the table, is Ctrl+P."""

    def __init__(
        self,
        session: Session,
        ui: UiView,
        keys: Mapping[str, str],
        *,
        folder: Path,
        clock: ConsoleClock | None = None,
        on_drawn: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__()
        for theme in OWN_THEMES:
            self.register_theme(theme)
        layout = load_layout(folder)
        self.desk = Desk(
            session=session,
            ui=ui,
            keys=keys,
            folder=folder,
            clock=clock or WallClock(),
            layout=layout,
            inks=make_inks(DARK, up_color=ui.up_color),
            on_drawn=on_drawn,
        )
        self.painted = asyncio.Event()
        """Set when the first picture is on the screen."""
        self.theme_names = theme_names()
        self.screens_open: dict[str, LiveScreen] = {}
        """Those that were shown so far."""
        self.notices = Notices(session)
        for row in CATALOGUE:
            self.add_mode(row.name, partial(self._open_screen, row))  # pyright: ignore[reportUnknownMemberType] - Textual's Screen is not told its result

    @property
    def context(self) -> str:
        """The name of the screen that is shown."""
        return self.current_mode

    def on_mount(self) -> None:
        self.set_keymap({action: normal(keys) for action, keys in self.desk.keys.items()})
        layout, wanted = self.desk.layout, self.desk.ui.theme
        theme = first_theme(layout.theme, layout.theme_setting, wanted, self.available_themes)
        self.theme = theme or DARK.name
        if theme is None:
            self.notify(f"[ui] theme: there is no theme {wanted!r}", severity="warning", markup=False)
        self.theme_changed_signal.subscribe(self, lambda _: self._recolour())
        self._recolour()
        row = screen_row(self.desk.layout.screen) or CATALOGUE[0]
        self.switch_mode(row.name)
        link = self.desk.session.state.link.get(ONLY)
        if link is not None:
            quit_keys = self.desk.keys.get("quit", "q")
            text = f"This console shows {link.address}; {quit_keys} leaves that one running"
            self.notify(clean(text, limit=300), title="Attached", timeout=4, markup=False)
        self.set_interval(0.5, self._hear_notices)
        self.set_interval(2.0, self.desk.save)
        if not self.is_headless and sys.__stdin__ is not None and sys.__stdin__.isatty():
            self.set_interval(2.0, self._leave_without_terminal)
            endure_being_stopped(partial(self.refresh, layout=True))

    def on_ready(self) -> None:
        self.screen.call_after_refresh(self.painted.set)

    def on_unmount(self) -> None:
        self.desk.remember()
        self.desk.save()

    # Themes

    def choose_theme(self, name: str) -> None:
        """Use the theme ``name`` and remember it."""
        self.theme = name
        self.desk.layout.theme, self.desk.layout.theme_setting = name, self.desk.ui.theme
        self.desk.remember()

    def action_next_theme(self) -> None:
        names = self.theme_names
        here = names.index(self.theme) if self.theme in names else -1
        self.choose_theme(names[(here + 1) % len(names)])
        self.notify(self.theme, title="Theme", timeout=2, markup=False)

    def _recolour(self) -> None:
        self.desk.inks = make_inks(self.current_theme, up_color=self.desk.ui.up_color, no_color=self.no_color)
        for screen in self.screens_open.values():
            if screen.is_mounted:
                screen.redraw()

    # Screens

    def _open_screen(self, row: ScreenRow) -> LiveScreen:
        screen = self.screens_open[row.name] = row.load()(self.desk)
        return screen

    def action_show(self, name: str) -> None:
        """Show the screen ``name``."""
        self.switch_mode(name)
        self.desk.layout.screen = name
        self.desk.remember()

    async def run_on_screen(self, action: str) -> None:
        """Do an action as if its key were pressed on the screen."""
        screen = self.screen
        await self.run_action(action, default_namespace=screen)

    def jump_to(self, instrument: InstrumentId) -> None:
        """Show an instrument on the Markets screen."""
        self.desk.layout.symbol = instrument
        self.action_show("markets")

    def action_jump(self) -> None:
        self.push_screen(CommandPalette(providers=[JumpEntries], placeholder="Jump to a symbol or a screen"))

    def action_help(self) -> None:
        row = screen_row(self.context)
        title = row.title if row else ""
        self.push_screen(keys_help(self.context, title, self.desk.keys, self.desk.inks))

    def action_panel_help(self) -> None:
        if isinstance(self.screen, LiveScreen):
            panel = self.screen.panels.focused
            self.push_screen(panel_help(panel.TITLE, panel.EXPLANATION, self.desk.inks))

    @work(exclusive=True, group="notices")
    async def action_notices(self) -> None:
        """The notices of this run, and the alerts of earlier ones as far as the database tells them."""
        earlier: tuple[Alert, ...] = ()
        with suppress(AlphaPlusError):  # the notices are shown without them
            earlier = await self.desk.session.ask(AlertsPage(limit=_ALERTS_SHOWN), deadline_s=1.0)
        self.push_screen(notices(self.notices.all(), earlier, self.desk.inks))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A toast, which stands among the notices afterwards."""
        self.notices.say(severity, title, message, self.desk.look().now)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_freeze(self) -> None:
        self.desk.frozen = not self.desk.frozen
        if isinstance(self.screen, LiveScreen):
            self.screen.tick()

    def action_back_or_quit(self) -> None:
        """Undo what is open; with nothing open, leave."""
        if isinstance(self.screen, LiveScreen) and self.screen.back():
            return
        self.exit()

    def action_interrupt(self) -> None:
        keys = self.desk.keys.get("quit", "q")
        self.notify(f"Press {keys} to quit", timeout=2, markup=False)

    # Around the screens

    def _hear_notices(self) -> None:
        for row in self.notices.fresh():
            severity = _SEVERITY.get(row.severity, "information")
            timeout = 4 if severity != "information" else 3
            super().notify(row.text, title=row.title, severity=severity, timeout=timeout, markup=False)
            if row.alert:
                call(self, row, self.desk.ui)

    def _leave_without_terminal(self) -> None:
        if sys.__stdin__ is None or not sys.__stdin__.isatty():
            self.exit(return_code=EXIT_TERMINAL_GONE)
