"""The Services screen: what runs, how fast, where rows go, what is stored and what is missing."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.session.commands import RestartService, StartService, StopService
from alphaplus_tui.tui.actions import SERVICES, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.screens.services.coverage import CoveragePanel
from alphaplus_tui.tui.screens.services.panels import DatabasePanel, FeedsPanel, TrafficPanel
from alphaplus_tui.tui.screens.services.tree import ServiceTree
from alphaplus_tui.tui.widgets.grid import LiveGrid
from alphaplus_tui.tui.widgets.latencies import LatencyPanel
from alphaplus_tui.tui.wishes import Wishes


class ServicesScreen(LiveScreen):
    """Restarting and stopping are wishes sent through the session, each confirmed."""

    NAME: ClassVar[str] = SERVICES
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SERVICES)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.wishes = Wishes(self)
        self.services = ServiceTree(desk)
        self.latencies = LatencyPanel(desk)
        self.feeds = FeedsPanel(desk)
        self.database = DatabasePanel(desk)
        self.traffic = TrafficPanel(desk)
        self.coverage = CoveragePanel(desk)

    def body(self) -> Iterator[Widget]:
        yield from (self.services, self.latencies, self.feeds, self.coverage, self.database, self.traffic)

    def pull(self, look: Look) -> None:
        if self.desk.service:
            wanted, self.desk.service = self.desk.service, ""
            if wanted in look.state.services:
                self.show_panel("tree")
                self.services.go(wanted)
        if self.coverage.display and self.coverage.size.area and (query := self.coverage.question(look)) is not None:
            self.questions.ask("coverage", query, self.coverage.take, self.coverage.fail)
        super().pull(look)

    def action_restart(self) -> None:
        name = self.services.cursor
        if name:
            self.wishes.confirm(
                f"Restart {name}?",
                "What depends on it waits meanwhile; nothing that is stored is lost.",
                RestartService(name),
                f"{name} restarts",
            )

    def action_stop_or_start(self) -> None:
        row = self.desk.session.state.services.get(self.services.cursor)
        if row is None:
            return
        if row.state in {"STOPPED", "FAILED"}:
            self.wishes.confirm(
                f"Start {row.name}?",
                "It starts as it would with the program.",
                StartService(row.name),
                f"{row.name} starts",
            )
        else:
            self.wishes.confirm(
                f"Stop {row.name}?",
                "It stays stopped until it is started again with the same key.",
                StopService(row.name),
                f"{row.name} stops",
            )

    async def action_log_of(self) -> None:
        if self.services.cursor:
            self.desk.log_service = self.services.cursor
            await self.run_action("app.show('logs')")

    async def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        if message.grid is self.services:
            await self.action_log_of()
