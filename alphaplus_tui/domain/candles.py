"""Turns the trades of one instrument into candles of several timeframes, in whatever order they come."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Trade
from alphaplus_tui.domain.span import Span
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.domain.unknown import FOREVER, NEVER, UnknownTimes

GRACE_NS = 1_500_000_000
"""A span without a later trade closes so long after its end."""

_LONGEST_FLAT = 50_000
"""Spans without a trade that are filled one by one; a longer silence stays a hole."""


class Changes(Struct, frozen=True, gc=False):
    """What a step changed: forming candles, and candles that closed or were corrected, oldest first."""

    forming: tuple[Candle, ...] = ()
    closed: tuple[Candle, ...] = ()


NOTHING = Changes()


class CandleBuilder:
    """Candles by exchange time.

    A span closes at the first later trade or ``GRACE_NS`` after its end. Where nothing traded it becomes a flat
    candle; where trades are missing a candle is not ``complete``, and a span without a known trade stays a hole
    until they are here. Corrections of closed candles wait while trades of their span are still being fetched.

    Whoever knows about continuity says so: ``open_gap``, ``close_gap``, ``give_up``, ``feed_lost``, ``stored_until``.
    """

    def __init__(self, instrument: InstrumentId, timeframes: Sequence[Timeframe], *, keep: int = 50) -> None:
        """keep: closed spans that can still be corrected; those that wait for missing trades are kept besides."""
        self.instrument = instrument
        self._tracks = tuple(_Track(instrument, timeframe, keep) for timeframe in timeframes)
        self._unknown = UnknownTimes()
        self._floor_seq: int | None = None  # trades before this one are not ours to sum
        self._first_ts = FOREVER
        self._newest_seq = -1
        self._newest_ts = NEVER
        self._stored: tuple[int, int] | None = None

    @property
    def spans_kept(self) -> int:
        """Over all timeframes."""
        return sum(len(track.spans) for track in self._tracks)

    def add(self, trade: Trade) -> Changes:
        """Take a trade that was not taken before."""
        seq = trade.seq
        closed: list[Candle] = []
        live = trade.provenance is not Provenance.BACKFILLED
        if self._floor_seq is None:
            if self._stored is not None and seq <= self._stored[0]:
                return NOTHING  # an earlier run's
            self._floor_seq, self._first_ts = seq, trade.ts_event
            if not live:
                self._unknown.lose(trade.ts_event)
        elif seq == self._floor_seq - 1:
            self._floor_seq = seq
        elif seq < self._floor_seq:
            return NOTHING
        if seq > self._newest_seq:
            self._newest_seq = seq
            if self._unknown.any and (since := self._unknown.passed(seq, trade.ts_event, live=live)) is not None:
                closed.extend(self._review(since).closed)
            self._newest_ts = max(self._newest_ts, trade.ts_event)
        if trade.ts_event < self._first_ts:
            self._first_ts = trade.ts_event
            closed.extend(self._review(trade.ts_event).closed)
        forming: list[Candle] = []
        for track in self._tracks:
            span = track.current
            if span is not None and span.open_time <= trade.ts_event < span.end:
                span.take(trade)
                forming.append(track.forming(span))
            elif trade.ts_event >= track.horizon:
                self._open_span(track, trade, closed)
                forming.append(track.forming(track.current))
            else:
                self._late(track, trade, closed)
        return Changes(tuple(forming), tuple(closed))

    def advance(self, now: int) -> Changes:
        """Close what ended by ``now`` (UTC ns on the exchange's clock)."""
        closed: list[Candle] = []
        for track in self._tracks:
            if track.horizon != NEVER and now >= track.horizon + track.length + GRACE_NS:
                self._close_until(track, open_time(now - GRACE_NS, track.timeframe), closed)
        return Changes((), tuple(closed)) if closed else NOTHING

    def open_gap(self, first_seq: int, last_seq: int) -> Changes:
        """Trades ``first_seq`` to ``last_seq`` are missing; those after them may be known already."""
        if self._floor_seq is None:
            if self._stored is not None and first_seq > self._stored[0]:
                self._unknown.open(first_seq, last_seq, self._stored[1], FOREVER)
            return NOTHING  # before our beginning
        if first_seq > self._newest_seq:
            since, until = self._newest_ts, FOREVER
        elif last_seq == self._floor_seq - 1:
            since, until = NEVER, self._first_ts
            self._floor_seq = first_seq
        else:
            return NOTHING  # of a time that we do not sum
        self._unknown.open(first_seq, last_seq, since, until)
        return self._review(since)

    def open_stretch(self, start: int, end: int) -> Changes:
        """Trades between two moments are missing, and have no numbers; ``start`` names the gap."""
        if self._floor_seq is None and (self._stored is None or start < self._stored[0]):
            return NOTHING  # before our beginning
        if self._floor_seq is not None and end < self._floor_seq:
            return NOTHING  # likewise
        self._floor_seq = start if self._floor_seq is None else min(self._floor_seq, start)
        self._unknown.open(start, end, start, end)
        self._unknown.found()
        return self._review(start)

    def close_gap(self, first_seq: int) -> Changes:
        """All trades of the gap have been added."""
        since = self._unknown.close(first_seq)
        return self._review(since) if since is not None else NOTHING

    def give_up(self, first_seq: int) -> Changes:
        """The rest of the gap will not come."""
        since = self._unknown.give_up(first_seq)
        return self._review(since) if since is not None else NOTHING

    def feed_lost(self) -> Changes:
        """From the newest trade on nothing is certain, until the next one says whether some were missed."""
        if self._floor_seq is None or not self._unknown.lose(self._newest_ts):
            return NOTHING
        return self._review(self._newest_ts)

    def stored_until(self, seq: int, ts: int) -> Changes:
        """The last run ended with this trade: when ours continue it, nothing is missing in between."""
        self._stored = seq, ts
        return self._review(ts)

    def renumbered(self, first_seq: int) -> Changes:
        """The exchange counts anew from ``first_seq`` on; what traded since the newest trade will not come."""
        self._stored = None
        if self._floor_seq is None:
            return NOTHING
        self._unknown.open(first_seq - 1, first_seq - 1, self._newest_ts, FOREVER)
        self._unknown.give_up_all()
        self._floor_seq, self._newest_seq = first_seq, first_seq - 1
        return self._review(NEVER)

    def replace(self, candle: Candle) -> None:
        """The exchange's own candle stands; trades that come later change it no more."""
        for track in self._tracks:
            if track.timeframe == candle.timeframe:
                span = track.spans.get(candle.open_time)
                if span is not None and candle.revision > span.revision:
                    span.revision, span.replaced = candle.revision, True

    def _open_span(self, track: "_Track", trade: Trade, closed: list[Candle]) -> None:
        opens = open_time(trade.ts_event, track.timeframe)
        if track.horizon == NEVER:
            track.horizon = opens
        self._close_until(track, opens, closed)
        span = track.current = track.spans[opens] = Span(opens, opens + track.length, trade.price)
        span.take(trade)
        span.complete = self._complete(span.open_time, span.end)

    def _late(self, track: "_Track", trade: Trade, closed: list[Candle]) -> None:
        opens = open_time(trade.ts_event, track.timeframe)
        span = track.spans.get(opens)
        if span is None:
            if opens < track.forgotten_until:
                return
            span = track.spans[opens] = Span(opens, opens + track.length, trade.price)
        elif span.replaced:
            return
        span.take(trade)
        span.complete = self._complete(opens, span.end)
        span.dirty = True
        if not self._unknown.pending(opens, span.end):
            self._settle(track, opens, closed)

    def _close_until(self, track: "_Track", until: int, closed: list[Candle]) -> None:
        """Close the current span, and those without trades before ``until``."""
        if track.current is not None and track.horizon < until:
            span, track.current = track.current, None
            track.horizon = span.end
            track.emit(span, closed)
        if until - track.horizon > _LONGEST_FLAT * track.length:
            track.horizon = until
        while track.horizon < until:
            opens = track.horizon
            track.horizon += track.length
            self._fill(track, opens, closed)
        track.forget(self._unknown.certain_until())

    def _fill(self, track: "_Track", opens: int, closed: list[Candle]) -> None:
        """A flat candle where nothing traded, if that is certain and a price is known."""
        before = track.spans.get(opens - track.length)
        if before is not None and self._complete(opens, opens + track.length):
            span = track.spans[opens] = Span(opens, opens + track.length, before.close)
            track.emit(span, closed)

    def _review(self, since: int) -> Changes:
        """What is known changed from the moment ``since`` on: look again at every span it touches."""
        self._unknown.forget_before(min((track.oldest for track in self._tracks), default=NEVER))
        closed: list[Candle] = []
        forming: list[Candle] = []
        for track in self._tracks:
            for opens in track.openings(since):
                if opens < track.horizon:
                    self._settle(track, opens, closed)
            span = track.current
            if span is not None and span.complete != self._complete(span.open_time, span.end):
                span.complete = not span.complete
                forming.append(track.forming(span))
        return Changes(tuple(forming), tuple(closed)) if forming or closed else NOTHING

    def _settle(self, track: "_Track", opens: int, closed: list[Candle]) -> None:
        """Tell again of a closed span if it differs from what was told, and of the flat ones that follow it."""
        span = track.spans.get(opens)
        if span is None:
            self._fill(track, opens, closed)
        while span is not None and not span.replaced:
            before = track.spans.get(span.open_time - track.length)
            moved = not span.trades and before is not None and before.close != span.close
            if before is not None and moved:
                span.move(before.close)
            complete = self._complete(span.open_time, span.end)
            if complete == span.complete and (
                not (span.dirty or moved) or self._unknown.pending(span.open_time, span.end)
            ):
                return
            span.complete = complete
            track.emit(span, closed)
            follower = track.spans.get(span.end)
            span = follower if follower is not None and not follower.trades else None

    def _complete(self, opens: int, ends: int) -> bool:
        return self._start < opens and not self._unknown.touches(opens, ends)

    @property
    def _start(self) -> int:
        """Up to this moment trades are missing that were before our beginning."""
        if self._stored is not None and self._floor_seq in {self._stored[0], self._stored[0] + 1}:
            return self._stored[1]
        return self._first_ts


class _Track:
    """The spans of one timeframe."""

    __slots__ = ("_instrument", "_keep", "current", "forgotten_until", "horizon", "length", "spans", "timeframe")

    def __init__(self, instrument: InstrumentId, timeframe: Timeframe, keep: int) -> None:
        self._instrument, self.timeframe, self._keep = instrument, timeframe, keep
        self.length = duration_ns(timeframe)
        self.spans: dict[int, Span] = {}
        self.current: Span | None = None
        self.horizon = NEVER
        """Spans that open before this moment are closed."""
        self.forgotten_until = NEVER

    @property
    def oldest(self) -> int:
        return min(self.spans, default=NEVER)

    def openings(self, since: int) -> Iterator[int]:
        """Opening times of the closed spans that end after ``since``, holes included, as far back as any is kept."""
        if not self.spans or self.horizon == NEVER:
            return
        opens = max(self.oldest, open_time(since, self.timeframe) if since > 0 else 0)
        if self.horizon - opens > _LONGEST_FLAT * self.length:
            yield from sorted(opening for opening in self.spans if opening >= opens)
            return
        while opens < self.horizon:
            yield opens
            opens += self.length

    def forming(self, span: Span | None) -> Candle:
        assert span is not None
        return span.candle(self._instrument, self.timeframe, forming=True)

    def emit(self, span: Span, closed: list[Candle]) -> None:
        span.revision += 1
        span.dirty = False
        closed.append(span.candle(self._instrument, self.timeframe, forming=False))

    def forget(self, certain_until: int) -> None:
        """Drop all but the newest spans, none of which something may still come for."""
        if len(self.spans) > 2 * self._keep:
            for opens in sorted(self.spans)[: -self._keep]:
                if opens + self.length <= certain_until:
                    del self.spans[opens]
                    self.forgotten_until = max(self.forgotten_until, opens + self.length)
