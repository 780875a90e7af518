"""How many requests are taken: so many at once, so many a second after that."""

from collections.abc import Callable


class Bucket:
    """Holds up to ``burst`` requests and fills by ``per_s`` each second."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._held, self._seen_at = burst, clock()

    def take(self) -> bool:
        """Whether one more is taken now."""
        now = self._clock()
        self._held = min(self._burst, self._held + (now - self._seen_at) * self._per_s)
        self._seen_at = now
        if self._held < 1.0:
            return False
        self._held -= 1.0
        return True

    @property
    def wait_s(self) -> float:
        """Until the next one is taken."""
        return max(0.0, (1.0 - self._held) / self._per_s)
