"""Fetches the part of the log that is looked at: the newest page, what came since, older ones, far matches."""

from collections.abc import Callable

from alphaplus_tui.session.queries import LogAnswer, LogLine, LogPage
from alphaplus_tui.tui.clock import ConsoleClock
from alphaplus_tui.tui.questions import Questions
from alphaplus_tui.tui.screens.logs.window import LEVELS, PAGE, LogWindow

FOLLOW_EVERY_S = 1.0


class LogPages:
    """Fills ``window`` through the filters; tells which line to go to, and how many came before the others."""

    def __init__(
        self,
        questions: Questions,
        clock: ConsoleClock,
        *,
        go: Callable[[LogLine], None],
        came_before: Callable[[int], None],
        failed: Callable[[], None],
        no_match: Callable[[], None],
    ) -> None:
        self.window = LogWindow()
        self.following = True
        """The newest line is gone to whenever one comes."""
        self.level = LEVELS[0]
        self.service = ""
        self.loaded = False
        self.error = ""
        self._questions, self._clock = questions, clock
        self._go, self._came_before, self._on_failure, self._on_no_match = go, came_before, failed, no_match
        self._asked_at = 0.0

    @property
    def filtered(self) -> bool:
        return bool(self.service) or self.level != LEVELS[0]

    def filter(self, level: str, service: str) -> None:
        """Only lines of ``level`` and worse, and of ``service`` unless that is empty."""
        self.level, self.service = level, service
        self.reload()

    def reload(self) -> None:
        """The newest page, with the filters as they are."""
        self._asked_at = self._clock.monotonic()
        self.following = True
        self._ask("log", self._page(), self._newest)

    def keep_up(self, mono: float) -> None:
        """Begin; then ask for what is newer, as long as it is followed."""
        if not self.loaded and not self._asked_at:
            self.reload()
        elif self.following and mono - self._asked_at >= FOLLOW_EVERY_S:
            self._asked_at = mono
            if self.window.lines:
                self._ask("log", self._page(after=self.window.lines[-1].cursor), self._newer)
            else:
                self._ask("log", self._page(), self._newest)

    def follow(self) -> None:
        """From now on go with the newest line."""
        if self.window.at_end and self.window.lines and not self.error:
            self.following = True
            self._go(self.window.lines[-1])
        else:
            self.reload()

    def older(self) -> None:
        """What is before the window's first line."""
        if self.window.lines and self.window.more_before and not self._questions.waits_for("older"):
            self._questions.ask("older", self._page(before=self.window.lines[0].cursor), self._older)

    def newer(self) -> None:
        """What is after the window's last line."""
        if self.window.lines and not self.window.at_end:
            self._questions.ask("newer", self._page(after=self.window.lines[-1].cursor), self._newer)

    def match(self, text: str, start: str, by: int) -> None:
        """Go to the next line with ``text`` after (``by`` 1) or before (−1) the one at ``start``, however far it is."""
        self.following = False
        found = self.window.find(text, start, by)
        if found is not None:
            self._go(found)
        elif self.window.lines:
            edge = self.window.lines[-1 if by > 0 else 0].cursor
            before, after = (None, edge) if by > 0 else (edge, None)
            self._questions.ask("match", self._page(before=before, after=after, limit=1, search=text), self._matched)

    def _page(
        self, *, before: str | None = None, after: str | None = None, limit: int = PAGE, search: str = ""
    ) -> LogPage:
        return LogPage(
            before=before, after=after, limit=limit, min_level=self.level, service=self.service, search=search
        )

    def _ask(self, name: str, page: LogPage, answer: Callable[[LogAnswer], None]) -> None:
        self._questions.ask(name, page, answer, self._failed)

    def _failed(self, cause: str) -> None:
        self.loaded, self.error = True, cause
        self._on_failure()

    def _newest(self, answer: LogAnswer) -> None:
        self.loaded, self.error = True, ""
        self.window.replace(answer.lines, more_before=answer.more, at_end=True)
        if self.window.lines:
            self._go(self.window.lines[-1])

    def _newer(self, answer: LogAnswer) -> None:
        self.error = ""
        if answer.lines:
            self.window.append(answer.lines, more=answer.more)
            if self.following:
                self._go(self.window.lines[-1])

    def _older(self, answer: LogAnswer) -> None:
        self.window.prepend(answer.lines, more=answer.more and bool(answer.lines))
        self._came_before(len(answer.lines))

    def _matched(self, answer: LogAnswer) -> None:
        if not answer.lines:
            self._on_no_match()
            return
        line = answer.lines[0]
        half = PAGE // 2

        def take_earlier(earlier: LogAnswer) -> None:
            def take_later(later: LogAnswer) -> None:
                lines = (*earlier.lines, line, *later.lines)
                self.window.replace(lines, more_before=earlier.more, at_end=not later.more)
                self._go(line)

            self._questions.ask("around later", self._page(after=line.cursor, limit=half), take_later)

        self._questions.ask("around", self._page(before=line.cursor, limit=half), take_earlier)
