"""The notices of one console: those of the engine that it has not shown yet, and what it told its visitor itself."""

from collections import deque

from alphaplus_tui.session.session import Session
from alphaplus_tui.state.slices import NoticeRow

_MOST_SAID = 100


class Notices:
    """Knows which notices were shown; those that were there before count as shown."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._version = 0
        self._shown = {(row.number, row.ts) for row in session.state.notices.values()}
        """By number and time: an engine that starts anew counts from the beginning."""
        self._said: deque[NoticeRow] = deque(maxlen=_MOST_SAID)
        """Answers to what this visitor did; the state knows nothing of them."""

    def fresh(self) -> list[NoticeRow]:
        """Those that came since the last time, oldest first."""
        notices = self._session.state.notices
        if notices.version == self._version:
            return []
        self._version = notices.version
        rows = {(row.number, row.ts): row for row in notices.values()}
        fresh = [rows[mark] for mark in sorted(rows.keys() - self._shown)]
        self._shown = set(rows)
        return fresh

    def say(self, severity: str, title: str, text: str, ts: int) -> None:
        """The console told its visitor this; ts: UTC ns."""
        self._said.append(NoticeRow(0, severity, title, text, ts))

    def all(self) -> tuple[NoticeRow, ...]:
        return (*self._session.state.notices.values(), *self._said)
