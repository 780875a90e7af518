"""The Logs screen: a window over the log on disk that follows, filters and searches."""

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.session.queries import LogAnswer, LogLine, LogPage
from alphaplus_tui.tui.actions import LOGS, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.screens.logs.panels import LogDetail, LogLines
from alphaplus_tui.tui.screens.logs.window import LEVELS, PAGE, LogWindow, holds
from alphaplus_tui.tui.widgets.find import FindLine
from alphaplus_tui.tui.widgets.grid import LiveGrid

FOLLOW_EVERY_S = 1.0


class LogsScreen(LiveScreen):
    """Asks for pages of the log; keeps a bounded number of lines."""

    NAME: ClassVar[str] = LOGS
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(LOGS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.window = LogWindow()
        self.log_lines = LogLines(desk, self.window)
        self.detail = LogDetail(desk)
        self.find = FindLine("search the log; Enter goes to the newest match", id="find")
        self.following = True
        self.level = "debug"
        self.service = ""
        self._asked_at = 0.0
        self._height = 0

    def body(self) -> Iterator[Widget]:
        yield from (self.log_lines, self.detail)

    def below(self) -> Iterator[Widget]:
        yield self.find

    def pull(self, look: Look) -> None:
        if self.desk.log_service:
            self.service, self.desk.log_service = self.desk.log_service, ""
            self.reload()
        elif not self.log_lines.loaded and not self._asked_at:
            self.reload()
        elif self.following and look.mono - self._asked_at >= FOLLOW_EVERY_S:
            self._ask_newer(look.mono)
        self._describe()
        height, self._height = self._height, self.log_lines.content_size.height
        if self.following and height != self._height:
            self.log_lines.top = len(self.window.lines)  # the end stays in view, however much room there is
        super().pull(look)
        if self.log_lines.top == 0 and self.window.lines and self.window.more_before:
            self._ask_older()

    def _describe(self) -> None:
        parts = ["Log"]
        if self.level != "debug":
            parts.append(f"{self.level} and worse")
        if self.service:
            parts.append(self.service)
        if self.log_lines.search:
            parts.append(f"“{self.log_lines.search}”")
        self.log_lines.title_text = " · ".join(parts)
        here = self.window.index.get(self.log_lines.cursor, 0) + 1
        place = f"{here:,}/{len(self.window.lines):,}{'+' if self.window.more_before else ''}"
        self.log_lines.note = f"{place} · following" if self.following else f"{place} · f follows"

    # Pages

    def _page(self, *, before: str | None = None, after: str | None = None, limit: int = PAGE) -> LogPage:
        return LogPage(before=before, after=after, limit=limit, min_level=self.level, service=self.service)

    def reload(self) -> None:
        """The newest page, with the filters as they are."""
        self._asked_at = self.desk.clock.monotonic()
        self.following = True
        self.questions.ask("log", self._page(), self._newest, self._failed)

    def _newest(self, answer: LogAnswer) -> None:
        self.log_lines.loaded, self.log_lines.error = True, ""
        self.window.replace(answer.lines, more_before=answer.more, at_end=True)
        self._to_end()

    def _failed(self, cause: str) -> None:
        self.log_lines.loaded, self.log_lines.error = True, cause
        self.pull(self.desk.look())

    def _ask_newer(self, mono: float) -> None:
        self._asked_at = mono
        if not self.window.lines:
            self.questions.ask("log", self._page(), self._newest, self._failed)
            return
        self.questions.ask("log", self._page(after=self.window.lines[-1].cursor), self._newer, self._failed)

    def _newer(self, answer: LogAnswer) -> None:
        self.log_lines.error = ""
        if answer.lines:
            self.window.append(answer.lines, more=answer.more)
            if self.following:
                self._to_end()

    def _ask_older(self) -> None:
        if not self.questions.waits_for("older"):
            self.questions.ask("older", self._page(before=self.window.lines[0].cursor), self._older)

    def _older(self, answer: LogAnswer) -> None:
        self.window.prepend(answer.lines, more=answer.more and bool(answer.lines))
        self.log_lines.top += len(answer.lines)
        self.log_lines.pull(self.desk.look())

    def _to_end(self) -> None:
        if self.window.lines:
            self.log_lines.keys(self.desk.look())
            self._go(self.window.lines[-1])

    def _go(self, line: LogLine) -> None:
        self.log_lines.order = self.log_lines.keys(self.desk.look())
        self.log_lines.go(line.cursor, tell=False)
        self._show(line.cursor)

    def _show(self, cursor: str) -> None:
        self.detail.line = self.window.get(cursor)
        self.detail.pull(self.desk.look())

    def on_live_grid_moved(self, message: LiveGrid.Moved) -> None:
        self._show(message.key)
        last = self.window.lines[-1].cursor if self.window.lines else ""
        self.following = message.key == last and self.window.at_end
        if message.key == last and not self.window.at_end:
            self.questions.ask("newer", self._page(after=last), self._newer)

    def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        self._show(message.key)
        self.show_panel("detail")

    # Filters

    def action_follow(self) -> None:
        if self.following:
            self.following = False
        elif self.window.at_end and self.window.lines and not self.log_lines.error:
            self.following = True
            self._to_end()
        else:
            self.reload()
        self.tick()

    def action_level(self) -> None:
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        self.reload()

    def action_service(self) -> None:
        line = self.window.get(self.log_lines.cursor)
        self.service = "" if self.service or line is None else line.service
        self.reload()

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
        text = self.log_lines.search
        if not text:
            self.notify("/ searches first", timeout=2, markup=False)
            return
        self.following = False
        found = self.window.find(text, self.log_lines.cursor, by)
        if found is not None:
            self._go(found)
            self.tick()
            return
        if not self.window.lines:
            return
        edge = self.window.lines[-1 if by > 0 else 0].cursor
        place = {"after": edge} if by > 0 else {"before": edge}
        page = LogPage(**place, limit=1, min_level=self.level, service=self.service, search=text)
        self.questions.ask("match", page, self._matched)

    def _matched(self, answer: LogAnswer) -> None:
        if not answer.lines:
            self.notify("No further match", timeout=2, markup=False)
            return
        line = answer.lines[0]
        self.questions.ask("around", self._page(before=line.cursor, limit=PAGE // 2), self._with_later(line))

    def _with_later(self, line: LogLine) -> Callable[[LogAnswer], None]:
        def take_earlier(earlier: LogAnswer) -> None:
            def take_later(later: LogAnswer) -> None:
                lines = (*earlier.lines, line, *later.lines)
                self.window.replace(lines, more_before=earlier.more, at_end=not later.more)
                self._go(line)

            self.questions.ask("around later", self._page(after=line.cursor, limit=PAGE // 2), take_later)

        return take_earlier

    def back(self) -> bool:
        if self.find.close(kept=False):
            return True
        if self.panels.away_from_home():
            self.show_panel("lines")
            return True
        if self.log_lines.search or self.service or self.level != "debug":
            self.log_lines.search, self.service, self.level = "", "", "debug"
            self.reload()
            return True
        return super().back()
