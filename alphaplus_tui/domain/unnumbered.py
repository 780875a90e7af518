"""Knows of one instrument whose trades have no numbers which came, and between which moments some are missing."""

from msgspec import Struct

from alphaplus_tui.domain.continuity import Gap

OVERLAP_NS = 1_000_000_000
"""So long after a connection is up the past is still asked for: the clocks may differ by as much."""
_REMEMBERED = 20_000
"""Ids of the newest trades: what is sent again after a reconnection is among them."""


class Whole(Struct, frozen=True):
    """Between two moments (UTC ns, both included) every trade is known."""

    first: int
    last: int


class TimeLedger:
    """Trades are told apart by ``trade_id``; after a lost connection those of a stretch of time are missing."""

    def __init__(self) -> None:
        self.gaps: dict[int, Gap] = {}
        """By the moment they begin; their numbers are UTC ns."""
        self.newest_ts = 0
        """Of the newest trade, stored or seen; 0: none."""
        self._ids: dict[str, int] = {}
        self._whole_since = 0  # from here to the newest trade everything came live
        self._connected_at = 0
        self._lost_after = 0  # the newest trade then; others may come before all is subscribed to again

    def see(self, trade_id: str, ts: int, *, backfilled: bool = False) -> Gap | bool:
        """Take note of a trade: whether it is new; the gap that it was missing from, if it was."""
        gap = self._gap_at(ts) if backfilled else None
        if backfilled and gap is None:
            return False
        if trade_id in self._ids:
            return False
        self._ids[trade_id] = ts
        if len(self._ids) > _REMEMBERED:
            del self._ids[next(iter(self._ids))]
        if not self.newest_ts:
            self._whole_since = ts
        self.newest_ts = max(self.newest_ts, ts)
        return gap or True

    def stored_until(self, ts: int) -> Gap | None:
        """The last run ended at this moment; the gap up to our connection, where there is one already."""
        newest, self.newest_ts = self.newest_ts, max(self.newest_ts, ts)
        if newest:
            return self._open(ts, max(newest, self._connected_at + OVERLAP_NS)) if ts < self._whole_since else None
        self._whole_since = ts
        return self._open(ts, self._connected_at + OVERLAP_NS) if self._connected_at else None

    def connected(self, ts: int) -> Gap | None:
        """From now on everything comes; what traded since the newest trade before the loss is missing."""
        since, self._lost_after = self._lost_after or self.newest_ts, 0
        self._connected_at = ts
        return self._open(since, ts + OVERLAP_NS) if since else None

    def lost(self) -> Whole | None:
        """What came live before the connection broke, and was not said yet."""
        whole = self.whole()
        if self._connected_at:
            self._whole_since, self._lost_after = max(self._whole_since, self.newest_ts), self.newest_ts
        self._connected_at = 0
        return whole

    def whole(self) -> Whole | None:
        """What came live since this was asked last."""
        if not self._connected_at or self.newest_ts <= self._whole_since:
            return None
        whole = Whole(self._whole_since, self.newest_ts)
        self._whole_since = self.newest_ts
        return whole

    def reopen(self, first: int, last: int, *, shed: bool = False) -> Gap | None:
        """Trades that an earlier run missed, or that this one lost; None where they are missed already."""
        if any(gap.first <= first and last <= gap.last for gap in self.gaps.values()):
            return None
        if shed:
            self._ids = {trade_id: ts for trade_id, ts in self._ids.items() if not first <= ts <= last}
        gap = self.gaps[first] = Gap(first, last, start=first, end=last, shed=shed)
        return gap

    def reached(self, first: int, start: int, through: int) -> Gap | None:
        """Of the gap that begins at ``first`` everything from ``start`` to ``through`` is here; None: no such gap."""
        gap = self.gaps.get(first)
        if gap is None:
            return None
        gap.take_span(start, through)
        if not gap.missing:
            del self.gaps[first]
        return gap

    def _gap_at(self, ts: int) -> Gap | None:
        return next((gap for gap in self.gaps.values() if gap.first <= ts <= gap.last), None)

    def _open(self, first: int, last: int) -> Gap | None:
        """A gap that was open already up to now becomes longer."""
        self._whole_since = max(self._whole_since, last)
        for gap in self.gaps.values():
            if not gap.shed and not gap.reason and gap.first <= first <= gap.last:
                gap.extend(max(last, gap.last))
                return gap
        gap = self.gaps[first] = Gap(first, last, start=first, end=last)
        return gap
