"""Writes how the streams are: connections, gaps, and one honest word per instrument."""

from alphaplus_tui.domain.events import (
    FeedConnected,
    FeedLost,
    GapChanged,
    GapOpened,
    InstrumentsKnown,
    NumberingRestarted,
    RecordingEnded,
)
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.state.slices import ConnectionRow, FeedRow, FeedState, GapRow
from alphaplus_tui.state.store import StateStore

STALE_AFTER_S = 5.0


class _Feed:
    """What decides about the state of one instrument's streams."""

    __slots__ = ("ended", "gaps", "heard_at", "lost", "renumbered", "seen", "stale")

    def __init__(self) -> None:
        self.lost: dict[str, str] = {}
        """Reason by connection, while it is down."""
        self.heard_at: float | None = None
        self.gaps: dict[int, GapRow] = {}
        self.seen = False
        self.stale = False
        self.ended = False
        self.renumbered = ""


class FeedRows:
    """The slices ``feeds``, ``connections`` and ``gaps``."""

    def __init__(self, state: StateStore, clock: Clock, market: MarketClock) -> None:
        self._state, self._monotonic, self._market = state, clock.monotonic, market
        self._feeds: dict[InstrumentId, _Feed] = {}

    def on_instruments(self, event: InstrumentsKnown) -> None:
        for instrument in event.instruments:
            self._show(instrument.id, self._of(instrument.id))

    def heard(self, instrument: InstrumentId) -> None:
        """Data of an instrument came, of whatever channel."""
        feed = self._feeds.get(instrument) or self._of(instrument)
        feed.heard_at = self._monotonic()
        if feed.stale or not feed.seen:
            feed.stale, feed.seen = False, True
            self._show(instrument, feed)

    def on_connected(self, event: FeedConnected) -> None:
        before = self._state.connections.get(event.connection)
        reconnects = before.reconnects + 1 if before is not None else 0
        self._state.connections.put(
            event.connection,
            ConnectionRow(event.connection, event.exchange, True, "", len(event.instruments), reconnects, event.ts),
        )
        for instrument in event.instruments:
            feed = self._of(instrument)
            feed.lost.pop(event.connection, None)
            if feed.heard_at is not None:
                feed.heard_at = self._monotonic()
            self._show(instrument, feed)

    def on_lost(self, event: FeedLost) -> None:
        before = self._state.connections.get(event.connection)
        reconnects = before.reconnects if before is not None else 0
        self._state.connections.put(
            event.connection,
            ConnectionRow(
                event.connection,
                event.exchange,
                False,
                event.reason,
                len(event.instruments),
                reconnects,
                event.ts,
            ),
        )
        for instrument in event.instruments:
            feed = self._of(instrument)
            feed.lost[event.connection] = event.reason
            self._show(instrument, feed)

    def on_gap_opened(self, event: GapOpened) -> None:
        missing = event.last_seq - event.first_seq + 1 if event.numbered else 1
        self._gap(_row(event, missing, "", event.ts))

    def on_gap_changed(self, event: GapChanged) -> None:
        known = self._of(event.instrument).gaps.get(event.first_seq)
        noticed_at = known.noticed_at if known is not None else event.ts
        reason = event.reason or (known.reason if known is not None else "")
        self._gap(_row(event, event.missing, reason, noticed_at))

    def on_numbering_restarted(self, event: NumberingRestarted) -> None:
        feed = self._of(event.instrument)
        feed.renumbered = f"the exchange began to count its trades anew, from {event.first_seq} on"
        self._show(event.instrument, feed)

    def on_recording_ended(self, event: RecordingEnded) -> None:
        for instrument, feed in self._feeds.items():
            if exchange_of(instrument) == event.exchange:
                feed.ended = True
                self._show(instrument, feed)

    def check(self) -> None:
        """Find the streams that fell silent; called once a second or oftener."""
        now = self._monotonic()
        for instrument, feed in self._feeds.items():
            silent_s = now - feed.heard_at if feed.heard_at is not None else 0.0
            if silent_s > STALE_AFTER_S and not feed.ended:
                feed.stale = True
                self._show(instrument, feed)

    def _gap(self, row: GapRow) -> None:
        feed = self._of(row.instrument)
        if row.missing:
            feed.gaps[row.first_seq] = row
            self._state.gaps.put((row.instrument, row.first_seq), row)
        else:
            feed.gaps.pop(row.first_seq, None)
            self._state.gaps.drop((row.instrument, row.first_seq))
        self._show(row.instrument, feed)

    def _of(self, instrument: InstrumentId) -> _Feed:
        feed = self._feeds.get(instrument)
        if feed is None:
            feed = self._feeds[instrument] = _Feed()
        return feed

    def _show(self, instrument: InstrumentId, feed: _Feed) -> None:
        state, reason, progress = self._judge(feed)
        before = self._state.feeds.get(instrument)
        if before is not None and (before.state, before.reason, before.progress) == (state, reason, progress):
            return
        since = before.since if before is not None and before.state is state else self._market.now()
        self._state.feeds.put(instrument, FeedRow(instrument, state, reason, since, progress))

    @staticmethod
    def _judge(feed: _Feed) -> tuple[FeedState, str, tuple[int, int] | None]:
        """The worst that is true."""
        if feed.ended:
            return FeedState.ENDED, "the recording ended", None
        if feed.lost:
            return FeedState.RECONNECTING, next(iter(feed.lost.values())), None
        if not feed.seen:
            return FeedState.CONNECTING, "", None
        if feed.stale:
            return FeedState.STALE, "nothing came for a while", None
        fetching = [gap for gap in feed.gaps.values() if not gap.reason]
        if fetching and not all(gap.numbered for gap in fetching):
            return FeedState.BACKFILLING, "", None
        if fetching:
            wanted = sum(gap.last_seq - gap.first_seq + 1 for gap in fetching)
            return FeedState.BACKFILLING, "", (wanted - sum(gap.missing for gap in fetching), wanted)
        if feed.gaps:
            gap = next(iter(feed.gaps.values()))
            if not gap.numbered:
                return FeedState.GAP, f"{gap.extent} missing: {gap.reason}", None
            missing = sum(gap.missing for gap in feed.gaps.values())
            return FeedState.GAP, f"{missing} trades missing: {gap.reason}", None
        if feed.renumbered:
            return FeedState.GAP, feed.renumbered, None
        return FeedState.LIVE, "", None


def _row(event: GapOpened | GapChanged, missing: int, reason: str, noticed_at: int) -> GapRow:
    return GapRow(
        event.instrument,
        event.first_seq,
        event.last_seq,
        missing,
        reason,
        noticed_at,
        event.start,
        event.end,
        event.numbered,
    )
