"""Remembers which headlines became known when, as long as a window of candles reaches."""

from bisect import bisect_left
from collections import deque

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.events import HeadlineSeen
from alphaplus_tui.kernel.bus import Bus

MOST = 20_000
"""Headlines that are remembered, the newest."""
_US_NS = 1_000


class Moods:
    """Knows nothing until ``remember`` was told what is stored: where nobody listens to news, that never comes."""

    def __init__(self, bus: Bus) -> None:
        self._seen: deque[tuple[int, float]] = deque(maxlen=MOST)
        self._since: int | None = None
        self._listening = False
        bus.on(HeadlineSeen, self._on_headline)

    def remember(self, stored: Mood | None) -> None:
        """What the database has, which counts; said anew before each round of reading."""
        self._listening = True
        if stored is not None:
            self._seen = deque(zip(stored.seen_at, stored.scores, strict=True), MOST)
            self._since = stored.since

    def between(self, since: int, until: int) -> Mood | None:
        """Of headlines seen from ``since`` until before ``until`` (UTC ns); None when none was ever seen."""
        if not self._listening or self._since is None:
            return None
        first = bisect_left(self._seen, (since,))
        asked = [self._seen[at] for at in range(first, bisect_left(self._seen, (until,)))]
        return Mood(tuple(at for at, _ in asked), tuple(score for _, score in asked), self._since)

    def _on_headline(self, event: HeadlineSeen) -> None:
        # whole microseconds, as they come back from the database, so that both tell of the same candles
        seen_at = event.headline.seen_at // _US_NS * _US_NS
        if self._since is None:
            self._since = seen_at
        self._seen.append((max(seen_at, self._seen[-1][0]) if self._seen else seen_at, event.headline.score))
