"""The exchange's request budget: weight per minute, then 429, then a ban that grows."""

from dataclasses import dataclass

WEIGHT_PER_MINUTE = 6000
_PATIENCE = 15
"""Requests answered by 429 in one minute before the ban."""
_FIRST_BAN_S, _LONGEST_BAN_S = 120, 3 * 86_400


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request meets: 200, 429 or 418, the weight used this minute, and how long to stay away."""

    status: int
    used: int
    retry_after_s: int = 0


class Budget:
    """Of one address; all of loopback is one."""

    def __init__(self, weight_per_minute: int = WEIGHT_PER_MINUTE) -> None:
        self.weight_per_minute = weight_per_minute
        self.banned_until_s = 0.0
        self._minute = -1
        self._used = 0
        self._refused = 0
        self._ban_s = _FIRST_BAN_S

    def spend(self, weight: int, now_s: float) -> Verdict:
        """Charge a request that arrives at ``now_s``, seconds since 1970."""
        minute = int(now_s // 60)
        if minute != self._minute:
            self._minute, self._used, self._refused = minute, 0, 0
        if now_s < self.banned_until_s:
            return Verdict(418, self._used, int(self.banned_until_s - now_s) + 1)
        self._used += weight
        if self._used <= self.weight_per_minute:
            return Verdict(200, self._used)
        self._refused += 1
        if self._refused > _PATIENCE:
            self.banned_until_s = now_s + self._ban_s
            self._ban_s = min(self._ban_s * 2, _LONGEST_BAN_S)
            return Verdict(418, self._used, int(self.banned_until_s - now_s) + 1)
        return Verdict(429, self._used, 60 - int(now_s % 60))
