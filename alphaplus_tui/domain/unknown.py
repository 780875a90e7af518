"""Remembers the stretches of time in which trades of an instrument are missing, or may be."""

NEVER = -(2**63)
FOREVER = 2**63 - 1


class _Stretch:
    """Both ends included."""

    __slots__ = ("last_seq", "pending", "since", "until")

    def __init__(self, since: int, until: int, last_seq: int) -> None:
        self.since, self.until, self.last_seq = since, until, last_seq
        self.pending = True
        """The missing trades may still come."""


class UnknownTimes:
    """Gaps by their first number, and a lost feed, which lasts until the next trade."""

    def __init__(self) -> None:
        self._gaps: dict[int, _Stretch] = {}
        self._lost_since: int | None = None
        self.any = False

    def open(self, first_seq: int, last_seq: int, since: int, until: int) -> None:
        self._gaps[first_seq] = _Stretch(since, until, last_seq)
        if until == FOREVER:
            self._lost_since = None
        self.any = True

    def close(self, first_seq: int) -> int | None:
        """Since when the gap was; None where there is none."""
        gap = self._gaps.pop(first_seq, None)
        return gap.since if gap is not None else None

    def give_up(self, first_seq: int) -> int | None:
        """Since when the gap is; None where there is none."""
        gap = self._gaps.get(first_seq)
        if gap is None:
            return None
        gap.pending = False
        return gap.since

    def give_up_all(self) -> None:
        for gap in self._gaps.values():
            gap.pending = False

    def lose(self, since: int) -> bool:
        """The feed is lost; False where it was already."""
        if self._lost_since is not None:
            return False
        self._lost_since, self.any = since, True
        return True

    def found(self) -> None:
        """The feed is there again, and what was missed meanwhile is known."""
        self._lost_since = None

    def passed(self, seq: int, ts: int, *, live: bool) -> int | None:
        """A trade newer than all others ends what was open at the end; since when that was.

        live: False for one that was fetched, after which as little is known as before it.
        """
        since = self._lost_since
        self._lost_since = None if live or since is None else ts
        for gap in self._gaps.values():
            if gap.until == FOREVER and gap.last_seq < seq:
                gap.until, since = ts, gap.since
        self.any = bool(self._gaps) or self._lost_since is not None
        return since

    def touches(self, opens: int, ends: int) -> bool:
        """Whether trades may be missing between ``opens`` and ``ends``."""
        if self._lost_since is not None and self._lost_since < ends:
            return True
        return any(gap.since < ends and gap.until >= opens for gap in self._gaps.values())

    def pending(self, opens: int, ends: int) -> bool:
        """Whether missing trades may still come between ``opens`` and ``ends``."""
        if self._lost_since is not None and self._lost_since < ends:
            return True
        return any(gap.pending and gap.since < ends and gap.until >= opens for gap in self._gaps.values())

    def certain_until(self) -> int:
        """Missing trades may still come for what is later than this."""
        pending = [gap.since for gap in self._gaps.values() if gap.pending]
        if self._lost_since is not None:
            pending.append(self._lost_since)
        return min(pending, default=FOREVER)

    def forget_before(self, ts: int) -> None:
        """Gaps that were given up and end before ``ts``."""
        for first_seq in [k for k, gap in self._gaps.items() if not gap.pending and gap.until < ts]:
            del self._gaps[first_seq]
