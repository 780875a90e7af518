"""How much may still be asked of an exchange in this span of time, and whether it asked us to wait."""

from alphaplus_tui.errors import RateLimited
from alphaplus_tui.kernel.clock import Clock, MarketClock


class WeightBudget:
    """Request weights in spans of the exchange's clock, such as its minutes.

    Rather than be refused, what does not fit raises RateLimited with the time to wait.
    """

    def __init__(self, clock: Clock, market: MarketClock, *, limit: int, span_s: float = 60.0) -> None:
        """limit: of the weights in one span of ``span_s``."""
        self.limit = limit
        self._span_ns = round(span_s * 1e9)
        self._clock, self._market = clock, market
        self._span = -1
        self._used: int = 0
        self._blocked_until = 0.0
        self._banned = False

    def take(self, weight: int, *, share: float = 0.9) -> None:
        """Count ``weight``. ``share``: how much of the limit this kind of request may fill. Raises RateLimited."""
        blocked_s = self._blocked_until - self._clock.monotonic()
        if blocked_s > 0:
            what = "banned" if self._banned else "asked to wait"
            raise RateLimited(f"{what} for another {blocked_s:.0f} s", retry_after_s=blocked_s, banned=self._banned)
        self._banned = False
        now = self._market.now()
        self._turn(now)
        if self._used and self._used + weight > self.limit * share:
            wait_s = (self._span_ns - now % self._span_ns) / 1e9
            words = f"{self._used} of {self.limit} of the requests of these {self._span_ns / 1e9:g} s are used"
            raise RateLimited(words, retry_after_s=wait_s)
        self._used += weight

    def told(self, used: int) -> None:
        """The exchange says how much was used in its span, perhaps also by others behind our address."""
        self._turn(self._market.now())
        self._used = max(self._used, used)

    def block(self, error: RateLimited) -> None:
        """Ask nothing until the exchange's wish is fulfilled."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + error.retry_after_s)
        self._banned = self._banned or error.banned

    def _turn(self, now: int) -> None:
        span = now // self._span_ns
        if span != self._span:
            self._span = span
            self._used = 0
