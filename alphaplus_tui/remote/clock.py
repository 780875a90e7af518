"""What the clocks of an AlphaPlus elsewhere say, as far as can be told from here."""

import time
from collections.abc import Callable

_KEPT_S = 10


class RemoteClock:
    """The engine's wall clock and monotonic clock; our own until the engine was heard."""

    def __init__(self, here_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._here_ns = here_ns
        self._wall = _Ahead(time.time_ns() - here_ns())
        self._monotonic = _Ahead(0)

    def heard(self, wall_ns: int, monotonic_ns: int) -> None:
        """The engine's clocks said this when it sent what just arrived."""
        here = self._here_ns()
        self._wall.take(wall_ns - here, here)
        self._monotonic.take(monotonic_ns - here, here)

    def forget(self) -> None:
        """What comes next may be another engine."""
        self._wall.forget()
        self._monotonic.forget()

    def time_ns(self) -> int:
        return self._here_ns() + self._wall.ns

    def monotonic(self) -> float:
        return (self._here_ns() + self._monotonic.ns) / 1e9


class _Ahead:
    """How far a clock is ahead of ours: the most that was seen lately, since a late frame shows less."""

    def __init__(self, ns: int) -> None:
        self.ns = ns
        self._seen: dict[int, int] = {}
        """Second of our clock → the most seen in it."""

    def take(self, ahead_ns: int, here_ns: int) -> None:
        second = here_ns // 1_000_000_000
        self._seen[second] = max(ahead_ns, self._seen.get(second, ahead_ns))
        for old in [one for one in self._seen if one <= second - _KEPT_S]:
            del self._seen[old]
        self.ns = max(self._seen.values())

    def forget(self) -> None:
        self._seen.clear()
