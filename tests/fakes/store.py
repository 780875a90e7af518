"""A store in memory, which keeps the same promises as the database."""

import asyncio
import math
from collections.abc import Hashable, Sequence
from typing import TypeVar

from msgspec import structs

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Headline, Mood, Outcome, Signal, TrainingRun
from alphaplus_tui.domain.coverage import CoveragePlace, CoverageRow, Series, runs_of_candles, runs_of_trades
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook, Provenance, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, TIMEFRAMES, Timeframe
from alphaplus_tui.errors import FatalError, StoreUnavailable, UnknownName
from alphaplus_tui.ports.store import (
    Batch,
    DatabaseStatistics,
    GapRecord,
    LastTrade,
    ModelRecord,
    Scored,
    ServiceEvent,
    Written,
)
from tests.fakes.coverage import FakeCoverage
from tests.fakes.opinions import FakeOpinions

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_PRUNABLE = {Provenance.LIVE, Provenance.BACKFILLED}
_MS_NS = 1_000_000


class FakeStore:
    """StoreWriter and StoreReader at once; what is stored can be looked at.

    ``available = False`` takes it away; ``answers_lost = n`` makes the next n writes commit and yet fail, as when the
    connection breaks before the answer; ``gate.clear()`` makes writes wait for ``gate.set()``.
    """

    def __init__(self) -> None:
        self.available = True
        self.answers_lost = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[Batch] = []
        """Every batch that was committed."""
        self.known: dict[InstrumentId, Instrument] = {}
        self.stored_trades: dict[tuple[InstrumentId, str, int], Trade] = {}
        self.stored_candles: dict[tuple[InstrumentId, Timeframe, int], Candle] = {}
        self.stored_gaps: dict[tuple[InstrumentId, int, int], GapRecord] = {}
        self.stored_books: dict[tuple[InstrumentId, int, int], OrderBook] = {}
        self.stored_service_events: dict[tuple[int, str, str], ServiceEvent] = {}
        self.opinions = FakeOpinions()
        self.ledger = FakeCoverage()

    async def register(self, instruments: Sequence[Instrument]) -> None:
        self._check()
        self.known.update({instrument.id: instrument for instrument in instruments})

    async def write(self, batch: Batch) -> Written:
        await self.gate.wait()
        self._check()
        self._refuse_unusable(batch)
        candles = [candle for candle in batch.candles if not candle.forming]
        stored = {
            "trades": (sum(map(self._trade, batch.trades)), len(batch.trades)),
            "candles": (self._candles(candles), len(candles)),
            "coverage": (self._cover(batch), len(batch.gaps)),
            "order_book_snapshots": (sum(map(self._book, batch.books)), len(batch.books)),
            "service_events": (sum(map(self._service_event, batch.service_events)), len(batch.service_events)),
            **self.opinions.write(batch),
        }
        self.batches.append(batch)
        if self.answers_lost:
            self.answers_lost -= 1
            raise StoreUnavailable("the connection broke before the answer")
        rows = {table: new for table, (new, given) in stored.items() if given}
        return Written(rows, {table: stored[table][1] - new for table, new in rows.items()})

    async def prune(
        self, now: int, *, trades_days: int, candles_days: int, decisions_days: int = 0, events_days: int = 0
    ) -> dict[str, int]:
        self._check()
        pruned: dict[str, int] = {}
        if trades_days:
            before = (now // DAY_NS - trades_days) * DAY_NS
            trades = [key for key, t in self.stored_trades.items() if t.ts_event < before and t.provenance in _PRUNABLE]
            books = [key for key, book in self.stored_books.items() if book.ts_event < before]
            for key in trades:
                del self.stored_trades[key]
            for key in books:
                del self.stored_books[key]
            self.ledger.prune("trades", before)
            pruned |= {"trades": len(trades), "order_book_snapshots": len(books)}
        if candles_days:
            before = (now // DAY_NS - candles_days) * DAY_NS
            candles = [
                key for key, c in self.stored_candles.items() if c.open_time < before and c.provenance in _PRUNABLE
            ]
            for key in candles:
                del self.stored_candles[key]
            self.ledger.prune("candles", before)
            pruned["candles"] = len(candles)
        self.ledger.compact(now - DAY_NS)
        if decisions_days:
            pruned["decisions"] = self.opinions.prune(now, decisions_days)
        if events_days:
            before = (now // DAY_NS - events_days) * DAY_NS
            alerts = [key for key, alert in self.opinions.alerts.items() if alert.raised_at < before]
            events = [key for key, event in self.stored_service_events.items() if event.ts < before]
            for key in alerts:
                del self.opinions.alerts[key]
            for key in events:
                del self.stored_service_events[key]
            pruned |= {"alerts": len(alerts), "service_events": len(events)}
        return pruned

    async def candles(
        self, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, limit: int
    ) -> tuple[Candle, ...]:
        self._check()
        found = [
            candle
            for (of, span, opened), candle in sorted(self.stored_candles.items())
            if of == instrument and span == timeframe and start <= opened < end
        ]
        return tuple(found[max(0, len(found) - limit) :])

    async def trades(
        self, instrument: InstrumentId, *, start: int, end: int, limit: int, after_seq: int | None = None
    ) -> tuple[Trade, ...]:
        self._check()
        found = [t for t in self.stored_trades.values() if t.instrument == instrument and start <= t.ts_event < end]
        found.sort(key=_place)
        if after_seq is not None:
            after = max((_place(t) for t in found if t.seq == after_seq), default=(-1, 0))
            found = [t for t in found if _place(t) > after]
        return tuple(found[:limit])

    async def made_candles(
        self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        source: Timeframe,
        *,
        start: int,
        end: int,
        limit: int,
    ) -> tuple[Candle, ...] | None:
        """It makes none by itself."""
        self._check()
        return None

    async def last_trades(self, instruments: Sequence[InstrumentId]) -> dict[InstrumentId, LastTrade]:
        self._check()
        last: dict[InstrumentId, LastTrade] = {}
        for trade in sorted(self.stored_trades.values(), key=_place):
            if trade.instrument in instruments:
                last[trade.instrument] = LastTrade(trade.seq, trade.ts_event)
        for instrument, trade in last.items():
            covered = self.ledger.intervals.get(Series(instrument))
            if covered and not self.known[instrument].numbered:
                until = min(trade.ts_event, max(interval.last_seq for interval in covered))
                last[instrument] = LastTrade(until, until)
        return last

    async def open_gaps(self) -> tuple[GapRecord, ...]:
        self._check()
        return tuple(sorted(self.ledger.open_gaps(), key=lambda gap: gap.noticed_at))

    async def coverage(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, limit: int
    ) -> tuple[CoverageRow, ...]:
        self._check()
        return self.ledger.rows(instruments, start, end, limit)

    async def coverage_from(
        self, instruments: Sequence[InstrumentId], *, start: int, end: int, place: CoveragePlace | None, limit: int
    ) -> tuple[CoverageRow, ...]:
        self._check()
        return self.ledger.rows_from(instruments, start, end, place, limit)

    async def instruments(self) -> tuple[Instrument, ...]:
        self._check()
        return tuple(self.known[key] for key in sorted(self.known))

    async def timeframes(self, instrument: InstrumentId) -> tuple[Timeframe, ...]:
        self._check()
        there = {timeframe for of, timeframe, _ in self.stored_candles if of == instrument}
        return tuple(Timeframe(name) for name in TIMEFRAMES if name in there)

    async def decision(self, decision: str) -> Decision | None:
        self._check()
        return self.opinions.decisions.get(decision)

    async def outcome(self, decision: str) -> Outcome | None:
        self._check()
        return self.opinions.outcomes.get(decision)

    async def decision_at(self, instrument: InstrumentId, ts: int) -> Decision | None:
        self._check()
        return self.opinions.decision_at(instrument, ts)

    async def decisions(
        self, instrument: InstrumentId | None, *, before: int, limit: int, gate: str = ""
    ) -> tuple[Decision, ...]:
        self._check()
        return self.opinions.page(instrument, before, limit, gate)

    async def signals(
        self, instrument: InstrumentId | None, *, before: int, limit: int
    ) -> tuple[tuple[Signal, Outcome | None], ...]:
        self._check()
        return self.opinions.signals_page(instrument, before, limit)

    async def unresolved(self, *, since: int, limit: int) -> tuple[Decision, ...]:
        self._check()
        return self.opinions.unresolved(since, limit)

    async def scored(self, *, since: int, limit: int) -> tuple[Scored, ...]:
        self._check()
        return self.opinions.scored(since, limit)

    async def headlines(self, *, since: int, limit: int) -> tuple[Headline, ...]:
        self._check()
        found = [row for row in self.opinions.headlines.values() if row.published_at >= since]
        return tuple(sorted(found, key=lambda row: (-row.published_at, row.id))[:limit])

    async def mood(self, *, since: int, until: int) -> Mood | None:
        self._check()
        return self.opinions.mood(since, until)

    async def models(self) -> tuple[ModelRecord, ...]:
        self._check()
        return tuple(sorted(self.opinions.models.values(), key=lambda row: (-row.added_at, row.id)))

    async def training_runs(self, *, limit: int) -> tuple[TrainingRun, ...]:
        self._check()
        return tuple(sorted(self.opinions.training_runs.values(), key=lambda row: (-row.started_at, row.id))[:limit])

    async def alerts(
        self, instrument: InstrumentId | None, *, since: int, before: int, limit: int
    ) -> tuple[Alert, ...]:
        self._check()
        found = [
            row
            for row in self.opinions.alerts.values()
            if since <= row.raised_at < before and instrument in (None, row.instrument)
        ]
        found.sort(key=lambda row: (row.raised_at, row.id), reverse=True)
        return tuple(found[:limit])

    async def statistics(self) -> DatabaseStatistics:
        self._check()
        rows = {
            "instruments": len(self.known),
            "trades": len(self.stored_trades),
            "candles": len(self.stored_candles),
            "order_book_snapshots": len(self.stored_books),
            "coverage": len(self.ledger.rows((), 0, 2**63, 2**31)),
            "service_events": len(self.stored_service_events),
            "decisions": len(self.opinions.decisions),
            "signals_made": len(self.opinions.signals),
            "outcomes": len(self.opinions.outcomes),
            "models": len(self.opinions.models),
            "training_runs": len(self.opinions.training_runs),
            "sentiment": len(self.opinions.headlines),
            "alerts": len(self.opinions.alerts),
        }
        return DatabaseStatistics("0", "embedded", schema_version=1, size_bytes=1, rows=rows)

    async def ping(self) -> float:
        self._check()
        return 0.0

    def _check(self) -> None:
        if not self.available:
            raise StoreUnavailable("the store was taken away")

    def _known(self, instrument: InstrumentId) -> None:
        if instrument not in self.known:
            raise UnknownName("instrument in the database", instrument, self.known)

    def _refuse_unusable(self, batch: Batch) -> None:
        for row in (*batch.trades, *batch.candles, *batch.gaps, *batch.books):
            self._known(row.instrument)
        for decision in batch.decisions:
            self._known(decision.prediction.instrument)
        for signal in batch.signals:
            self._known(signal.instrument)
        prices = [t.price + t.quantity for t in batch.trades]
        prices += [c.open + c.high + c.low + c.close + c.volume for c in batch.candles]
        prices += [level.price + level.quantity for book in batch.books for level in (*book.bids, *book.asks)]
        if not all(map(math.isfinite, prices)):
            raise FatalError("a number that is not finite cannot be stored")

    def _trade(self, trade: Trade) -> bool:
        key = (trade.instrument, trade.trade_id, trade.ts_event // _MS_NS)
        return _new(self.stored_trades, key, structs.replace(trade, ts_recv=_whole_us(trade.ts_recv)))

    def _candles(self, candles: Sequence[Candle]) -> int:
        changed: set[tuple[InstrumentId, Timeframe, int]] = set()
        for candle in candles:
            key = (candle.instrument, candle.timeframe, candle.open_time)
            there = self.stored_candles.get(key)
            if there is None or _replaces(candle, there):
                self.stored_candles[key] = candle
                changed.add(key)
        self.ledger.cover(runs_of_candles(self.stored_candles[key] for key in changed))
        return len(changed)

    def _cover(self, batch: Batch) -> int:
        self.ledger.cover(runs_of_trades(t for t in batch.trades if self.known[t.instrument].numbered))
        self.ledger.cover(covered.run() for covered in batch.covered)
        return sum(map(self._gap, batch.gaps))

    def _gap(self, gap: GapRecord) -> bool:
        key = (gap.instrument, gap.first_seq, gap.last_seq)
        there = self.stored_gaps.get(key)
        gap = structs.replace(gap, noticed_at=_whole_us(gap.noticed_at), changed_at=_whole_us(gap.changed_at))
        if there is not None and gap.changed_at <= there.changed_at:
            return False
        noticed_at = gap.noticed_at if there is None else there.noticed_at
        self.stored_gaps[key] = gap = structs.replace(gap, noticed_at=noticed_at)
        self.ledger.missing(gap)
        return True

    def _book(self, book: OrderBook) -> bool:
        return _new(self.stored_books, (book.instrument, _whole_us(book.ts_event), book.sequence), book)

    def _service_event(self, event: ServiceEvent) -> bool:
        return _new(self.stored_service_events, (_whole_us(event.ts), event.service, event.state), event)


def _new(rows: dict[K, V], key: K, value: V) -> bool:
    known = key in rows
    rows.setdefault(key, value)
    return not known


def _replaces(candle: Candle, stored: Candle) -> bool:
    if candle.revision != stored.revision:
        return candle.revision > stored.revision or (candle.complete and not stored.complete)
    return not stored.complete


def _place(trade: Trade) -> tuple[int, int]:
    return trade.ts_event // _MS_NS, trade.seq


def _whole_us(ts_ns: int) -> int:
    return ts_ns // 1000 * 1000
