"""Knows of one instrument which trades came, which are missing, and which came before."""

from enum import IntEnum

from msgspec import Struct

_LATE_BEFORE_START = 1_000
"""Trades so little older than the first one are late, not known from earlier."""
_RESTART_DISTANCE = 1_000
_RESTART_AFTER_NS = 1_000_000_000


class Standing(IntEnum):
    """What a trade's number says of it."""

    NEW = 0
    KNOWN = 1
    """It came before."""
    RESTARTED = 2
    """The venue began to count anew; this is the first trade of the new numbering."""


class Gap:
    """Numbers that were skipped, less those that came since."""

    __slots__ = ("end", "first", "last", "missing", "ranges", "reason", "shed", "start")

    def __init__(self, first: int, last: int, *, start: int, end: int, shed: bool = False) -> None:
        """start, end: UTC ns of the trades known before and after it, 0 where none is.
        shed: the trades were seen, but could not be kept.
        """
        self.first, self.last, self.shed = first, last, shed
        self.start, self.end = start, end
        self.missing = last - first + 1
        self.reason = ""
        """Why the rest cannot be had."""
        self.ranges: list[tuple[int, int]] = [(first, last)]
        """What is still missing, both ends included, in order."""

    def take(self, seq: int) -> bool:
        """Whether ``seq`` was missing; it no longer is."""
        for index, (first, last) in enumerate(self.ranges):
            if first <= seq <= last:
                rest = [(first, seq - 1), (seq + 1, last)]
                self.ranges[index : index + 1] = [(low, high) for low, high in rest if low <= high]
                self.missing -= 1
                return True
        return False

    def take_span(self, first: int, last: int) -> None:
        """None of these is missing any more."""
        rest = [(low, min(high, first - 1)) for low, high in self.ranges]
        rest += [(max(low, last + 1), high) for low, high in self.ranges]
        self.ranges = sorted((low, high) for low, high in rest if low <= high)
        self.missing = sum(high - low + 1 for low, high in self.ranges)

    def extend(self, last: int) -> None:
        """It goes on until ``last``."""
        if last > self.last:
            self.ranges.append((self.last + 1, last))
            self.missing += last - self.last
            self.last = self.end = last


class Sighting(Struct, frozen=True, gc=False):
    """What one trade changed."""

    standing: Standing
    opened: Gap | None = None
    """It skipped these."""
    filled: Gap | None = None
    """It was missing from this one, which is gone when nothing is missing any more."""
    abandoned: tuple[Gap, ...] = ()
    """Of the old numbering; they cannot be filled any more."""


_NEW = Sighting(Standing.NEW)
_KNOWN = Sighting(Standing.KNOWN)


class SequenceLedger:
    """The numbers of an instrument's trades, as intervals: bounded by the gaps, not by the trades."""

    def __init__(self) -> None:
        self.gaps: dict[int, Gap] = {}
        """By first number."""
        self.next_seq: int | None = None
        self._floor = self._floor_ts = 0  # lower numbers were there before our beginning
        self._newest_ts = 0
        self._stored = False
        self._seen = False

    def see(self, seq: int, ts: int, *, backfilled: bool = False) -> Sighting:
        """Take note of a trade; ``ts`` is the exchange's time."""
        if seq == self.next_seq and not backfilled:
            self.next_seq = seq + 1
            self._seen = True
            self._newest_ts = max(self._newest_ts, ts)
            return _NEW
        if self.gaps:
            for gap in self.gaps.values():
                if gap.first <= seq <= gap.last:
                    return self._fill(gap, seq)
        if backfilled:
            return _KNOWN
        if self.next_seq is None:
            self._begin(seq, ts)
            return _NEW
        if seq > self.next_seq:
            gap = self._open(self.next_seq, seq - 1, self._newest_ts, ts)
            self.next_seq, self._newest_ts, self._seen = seq + 1, max(ts, self._newest_ts), True
            return Sighting(Standing.NEW, opened=gap)
        return self._backwards(seq, ts)

    def stored_until(self, seq: int, ts: int) -> Gap | None:
        """The last run ended with this trade; the gap up to our first one, if there is one."""
        self._stored = True
        if self.next_seq is None:
            self.next_seq, self._floor, self._newest_ts = seq + 1, seq + 1, ts
            return None
        if seq >= self._floor - 1:
            return None
        gap = self._open(seq + 1, self._floor - 1, ts, self._floor_ts)
        self._floor = seq + 1
        return gap

    def reaches(self, seq: int, ts: int) -> Gap | None:
        """The exchange's newest trade is this one: what lies between is missing, though nothing was heard yet."""
        if self.next_seq is None or seq < self.next_seq:
            return None
        gap = self._open(self.next_seq, seq, self._newest_ts, ts)
        self.next_seq, self._newest_ts, self._seen = seq + 1, max(ts, self._newest_ts), True
        return gap

    def reopen(self, first: int, last: int, *, start: int = 0, end: int = 0, shed: bool = False) -> Gap | None:
        """Trades that an earlier run missed, or that this one lost; None where they are missed already."""
        if any(first <= gap.last and gap.first <= last for gap in self.gaps.values()):
            return None
        return self._open(first, last, start, end, shed=shed)

    def _open(self, first: int, last: int, start: int, end: int, *, shed: bool = False) -> Gap:
        gap = self.gaps[first] = Gap(first, last, start=start, end=end, shed=shed)
        return gap

    def _begin(self, seq: int, ts: int) -> None:
        self.next_seq, self._floor, self._floor_ts, self._newest_ts, self._seen = seq + 1, seq, ts, ts, True

    def _fill(self, gap: Gap, seq: int) -> Sighting:
        if not gap.take(seq):
            return _KNOWN
        if not gap.missing:
            del self.gaps[gap.first]
        return Sighting(Standing.NEW, filled=gap)

    def _backwards(self, seq: int, ts: int) -> Sighting:
        """A number below the next one, in no gap: late from before our beginning, a new numbering, or known."""
        assert self.next_seq is not None
        newer = ts > self._newest_ts + _RESTART_AFTER_NS
        if newer and (not self._seen or self.next_seq - seq > _RESTART_DISTANCE):
            self._begin(seq, ts)
            abandoned, self.gaps = tuple(self.gaps.values()), {}
            return Sighting(Standing.RESTARTED, abandoned=abandoned)
        if seq >= self._floor or self._stored or self._floor - seq > _LATE_BEFORE_START:
            return _KNOWN
        gap = self._open(seq + 1, self._floor - 1, ts, self._floor_ts) if seq + 1 < self._floor else None
        self._floor, self._floor_ts = seq, ts
        return Sighting(Standing.NEW, opened=gap)
