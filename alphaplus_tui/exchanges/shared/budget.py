"""How much may still be asked of an exchange in this minute, and whether it asked us to wait."""

from alphaplus_tui.errors import RateLimited
from alphaplus_tui.kernel.clock import Clock, MarketClock

_MINUTE_NS = 60_000_000_000


class WeightBudget:
    """Request weights in minutes of the exchange's clock, as Binance counts them.

    Rather than be refused, what does not fit raises RateLimited with the time to wait.
    """

    def __init__(self, clock: Clock, market: MarketClock, *, limit: int) -> None:
        self.limit = limit
        self._clock, self._market = clock, market
        self._minute = -1
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
            wait_s = (_MINUTE_NS - now % _MINUTE_NS) / 1e9
            raise RateLimited(f"{self._used} of {self.limit} of this minute's requests are used", retry_after_s=wait_s)
        self._used += weight

    def told(self, used: int) -> None:
        """The exchange says how much was used in its minute, perhaps also by others behind our address."""
        self._turn(self._market.now())
        self._used = max(self._used, used)

    def block(self, error: RateLimited) -> None:
        """Ask nothing until the exchange's wish is fulfilled."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + error.retry_after_s)
        self._banned = self._banned or error.banned

    def _turn(self, now: int) -> None:
        minute = now // _MINUTE_NS
        if minute != self._minute:
            self._minute = minute
            self._used = 0
