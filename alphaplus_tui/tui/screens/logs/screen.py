"""The Logs screen: a window over the log on disk that follows, filters and searches."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.session.queries import LogLine
from alphaplus_tui.tui.actions import LOGS, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.screens.logs.pages import LogPages
from alphaplus_tui.tui.screens.logs.panels import LogDetail, LogLines
from alphaplus_tui.tui.screens.logs.window import LEVELS, holds
from alphaplus_tui.tui.widgets.find import FindLine
from alphaplus_tui.tui.widgets.grid import LiveGrid


class LogsScreen(LiveScreen):
    """The lines of the window, and the one under the cursor in full."""

    NAME: ClassVar[str] = LOGS
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(LOGS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.pages = LogPages(
            self.questions,
            desk.clock,
            go=self._go,
            came_before=self._came_before,
            failed=self._failed,
            no_match=self._no_match,
        )
        self.window = self.pages.window
        self.log_lines = LogLines(desk, self.pages)
        self.detail = LogDetail(desk)
        self.find = FindLine("search the log; Enter goes to the newest match", id="find")
        self._height = 0

    def body(self) -> Iterator[Widget]:
        yield from (self.log_lines, self.detail)

    def below(self) -> Iterator[Widget]:
        yield self.find

    def pull(self, look: Look) -> None:
        if self.desk.log_service:
            service, self.desk.log_service = self.desk.log_service, ""
            self.pages.filter(self.pages.level, service)
        else:
            self.pages.keep_up(look.mono)
        height, self._height = self._height, self.log_lines.content_size.height
        if self.pages.following and height != self._height:
            self.log_lines.top = len(self.window.lines)  # the end stays in view, however much room there is
        super().pull(look)
        if self.log_lines.top == 0:
            self.pages.older()

    # What the pages tell

    def _go(self, line: LogLine) -> None:
        self.log_lines.order = self.log_lines.keys(self.desk.look())
        self.log_lines.go(line.cursor, tell=False)
        self._show(line.cursor)

    def _came_before(self, count: int) -> None:
        self.log_lines.top += count
        self.log_lines.pull(self.desk.look())

    def _failed(self) -> None:
        self.pull(self.desk.look())

    def _no_match(self) -> None:
        self.notify("No further match", timeout=2, markup=False)

    # The line that is looked at

    def _show(self, cursor: str) -> None:
        self.detail.line = self.window.get(cursor)
        self.detail.pull(self.desk.look())

    def on_live_grid_moved(self, message: LiveGrid.Moved) -> None:
        self._show(message.key)
        at_last = message.key == (self.window.lines[-1].cursor if self.window.lines else "")
        self.pages.following = at_last and self.window.at_end
        if at_last:
            self.pages.newer()

    def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        self._show(message.key)
        self.show_panel("detail")

    def action_follow(self) -> None:
        if self.pages.following:
            self.pages.following = False
        else:
            self.pages.follow()
        self.tick()

    # Filters

    def action_level(self) -> None:
        least = LEVELS[(LEVELS.index(self.pages.level) + 1) % len(LEVELS)]
        self.pages.filter(least, self.pages.service)

    def action_service(self) -> None:
        line = self.window.get(self.log_lines.cursor)
        self.pages.filter(self.pages.level, "" if self.pages.service or line is None else line.service)

    async def action_service_of(self) -> None:
        line = self.window.get(self.log_lines.cursor)
        name = line.service.rpartition(".")[2] if line else ""
        if name not in self.desk.session.state.services:
            self.notify("No service stands behind this line", timeout=2, markup=False)
            return
        self.desk.service = name
        await self.run_action("app.show('services')")

    # Searching

    def action_search(self) -> None:
        self.find.open()

    def on_find_line_typed(self, message: FindLine.Typed) -> None:
        self.log_lines.search = message.text
        self.pull(self.desk.look())

    def on_find_line_closed(self, message: FindLine.Closed) -> None:
        self.log_lines.search = message.text if message.kept else ""
        self.log_lines.focus()
        here = self.window.get(self.log_lines.cursor)
        if message.kept and message.text and not (here and holds(here, message.text)):
            self.action_match(-1)
        self.pull(self.desk.look())

    def action_match(self, by: int) -> None:
        """The next match after the cursor, or before it; beyond the window the log is asked."""
        if not self.log_lines.search:
            self.notify("/ searches first", timeout=2, markup=False)
            return
        self.pages.match(self.log_lines.search, self.log_lines.cursor, by)
        self.tick()

    def back(self) -> bool:
        if self.find.close(kept=False):
            return True
        if self.panels.away_from_home():
            self.show_panel("lines")
            return True
        if self.log_lines.search or self.pages.filtered:
            self.log_lines.search = ""
            self.pages.filter(LEVELS[0], "")
            return True
        return super().back()
