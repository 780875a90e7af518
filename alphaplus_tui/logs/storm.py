"""Keeps a log storm short: the first lines of one event in each window, then how many there were."""

from dataclasses import dataclass

_MOST_EVENTS = 1_000
_OVERALL = ""


@dataclass(slots=True)
class _Window:
    ends_at: float
    seen: int = 0


class StormGuard:
    """Lets ``burst`` lines of one event pass per ``window_s``, and ``overall`` of all events together."""

    def __init__(self, *, burst: int = 20, overall: int = 500, window_s: float = 1.0) -> None:
        self._burst, self._overall, self._window_s = burst, overall, window_s
        self._windows: dict[str, _Window] = {}

    def lets_pass(self, event: str, now_s: float) -> bool:
        """Whether a line of ``event`` is written; ``now_s`` is monotonic."""
        known = event if event in self._windows or len(self._windows) < _MOST_EVENTS else _OVERALL
        own = self._count(known, now_s)
        return own <= (self._overall if known == _OVERALL else self._burst) and (
            known == _OVERALL or self._count(_OVERALL, now_s) <= self._overall
        )

    def over(self, now_s: float) -> list[tuple[str, int]]:
        """Events whose window has ended and how many of their lines were left out; told once."""
        left_out: list[tuple[str, int]] = []
        for event, window in list(self._windows.items()):
            if now_s >= window.ends_at:
                del self._windows[event]
                limit = self._overall if event == _OVERALL else self._burst
                if window.seen > limit:
                    left_out.append((event or "events of all kinds", window.seen - limit))
        return left_out

    def _count(self, event: str, now_s: float) -> int:
        window = self._windows.get(event)
        if window is None:
            window = self._windows[event] = _Window(now_s + self._window_s)
        window.seen += 1
        return window.seen
