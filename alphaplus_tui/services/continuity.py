"""Owns the truth about which trades came: each once, each skip a gap."""

import asyncio
from random import Random

import structlog

from alphaplus_tui.domain.continuity import Gap, SequenceLedger, Standing
from alphaplus_tui.domain.events import (
    FrameRejected,
    GapChanged,
    GapGivenUp,
    GapOpened,
    InstrumentsKnown,
    LastTradesKnown,
    NewestTradeKnown,
    NumberingRestarted,
    TradeAccepted,
    TradeReceived,
    TradeRestored,
    TradesShed,
)
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of
from alphaplus_tui.domain.market import Provenance, Trade
from alphaplus_tui.domain.plausibility import PriceLevel
from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import GapRecord, StoreReader
from alphaplus_tui.services.times import Times

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_TELL_WHOLE_EVERY_S = 1.0
_TELL_EVERY = 500
"""Trades that fill a gap between two tellings of its progress."""


class _Coverage:
    """What is known of one instrument."""

    __slots__ = ("ledger", "level")

    def __init__(self) -> None:
        self.ledger = SequenceLedger()
        self.level = PriceLevel()


class ContinuityService:
    """Hears TradeReceived; tells TradeAccepted, GapOpened, GapChanged."""

    name = "continuity"
    after: tuple[str, ...] = ("persistence", "projection", "candles")
    uses: tuple[str, ...] = ()

    def __init__(
        self, reader: StoreReader, bus: Bus, *, resume: bool, market: MarketClock, meters: Meters, rng: Random
    ) -> None:
        """resume: go on where the last run ended; a replay does not."""
        self._reader, self._bus, self._market, self._resume, self._rng = reader, bus, market, resume, rng
        self._coverage: dict[InstrumentId, _Coverage] = {}
        self._received, self._duplicates = meters.counter("trades_received"), meters.counter("duplicates")
        self._backfilled, self._quarantined = meters.counter("trades_backfilled"), meters.counter("trades_quarantined")
        self._resumed = asyncio.Event()
        self._followed: set[InstrumentId] = set()
        self._reopened: set[InstrumentId] = set()
        """Those whose gaps of earlier runs are looked after; others' may be another AlphaPlus's."""
        self._times = Times(bus, opened=self._opened, changed=self._changed, live=resume)
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(TradeReceived, self._on_trade)
        bus.on(TradesShed, self._on_shed)
        bus.on(GapGivenUp, self._on_given_up)
        bus.on(NewestTradeKnown, self._on_newest)
        if resume:
            bus.on(LastTradesKnown, self._on_last_trades)

    async def run(self, life: Life) -> None:
        life.ready()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._go_on(life))
                while True:
                    await life.clock.sleep(_TELL_WHOLE_EVERY_S)
                    self._times.tell_whole()
        finally:
            self._times.tell_whole()

    async def _go_on(self, life: Life) -> None:
        """Reopen the gaps of earlier runs, of each instrument once its exchange answered."""
        while True:
            await self._resumed.wait()
            self._resumed.clear()
            new = self._followed - self._reopened
            records = await self._earlier_gaps(life) if new else ()
            for record in records:
                if record.instrument in new:
                    self._reopen(record)
            self._reopened |= new

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._followed.update(instrument.id for instrument in event.instruments)

    def _on_trade(self, event: TradeReceived) -> None:
        trade = event.trade
        coverage = self._coverage.get(trade.instrument)
        if coverage is None:
            coverage = self._coverage[trade.instrument] = _Coverage()
        backfilled = trade.provenance is Provenance.BACKFILLED
        if not backfilled:
            self._received.value += 1
        wrong = coverage.level.wrong_with(trade, None if backfilled else self._market.now())
        if wrong:
            self._quarantine(trade, wrong)
            return
        if trade.instrument in self._times:
            self._count(backfilled=backfilled, new=self._times.take(trade))
            return
        seen = coverage.ledger.see(trade.seq, trade.ts_event, backfilled=backfilled)
        self._count(backfilled=backfilled, new=seen.standing is not Standing.KNOWN)
        if seen.standing is Standing.KNOWN:
            return
        if seen.standing is Standing.RESTARTED:
            self._restarted(trade, seen.abandoned)
        if seen.opened is not None:
            self._opened(trade.instrument, seen.opened)
        gap = seen.filled
        if gap is None:
            self._bus.publish(TradeAccepted(trade))
            return
        self._bus.publish(TradeRestored(trade) if gap.shed else TradeAccepted(trade))
        if gap.missing % _TELL_EVERY == 0 or gap.reason:
            self._changed(trade.instrument, gap)

    def _count(self, *, backfilled: bool, new: bool) -> None:
        if not new:
            self._duplicates.value += 1
        elif backfilled:
            self._backfilled.value += 1

    def _on_last_trades(self, event: LastTradesKnown) -> None:
        for instrument, seq, ts in event.last:
            if instrument in self._times:
                self._times.stored_until(instrument, ts)
                continue
            coverage = self._coverage.setdefault(instrument, _Coverage())
            gap = coverage.ledger.stored_until(seq, ts)
            if gap is not None:
                self._opened(instrument, gap)
        self._resumed.set()

    def _on_newest(self, event: NewestTradeKnown) -> None:
        if event.instrument not in self._times:
            gap = self._coverage.setdefault(event.instrument, _Coverage()).ledger.reaches(event.seq, event.ts)
            if gap is not None:
                self._opened(event.instrument, gap)

    def _on_shed(self, event: TradesShed) -> None:
        if event.instrument in self._times:
            gap = self._times.reopen(event.instrument, event.start, event.end, shed=True)
            if gap is not None:
                self._opened(event.instrument, gap)
            return
        ledger = self._coverage.setdefault(event.instrument, _Coverage()).ledger
        gap = ledger.reopen(event.first_seq, event.last_seq, start=event.start, end=event.end, shed=True)
        if gap is not None:
            self._opened(event.instrument, gap)

    def _on_given_up(self, event: GapGivenUp) -> None:
        coverage = self._coverage.get(event.instrument)
        if event.instrument in self._times:
            gap = self._times.gap(event.instrument, event.first_seq)
        else:
            gap = coverage.ledger.gaps.get(event.first_seq) if coverage is not None else None
        if gap is not None:
            gap.reason = event.reason
            self._changed(event.instrument, gap)

    def _reopen(self, record: GapRecord) -> None:
        """A gap of an earlier run: fetched again, unless it is known why it cannot be."""
        if record.timeframe:
            return  # candles are not ours
        if record.instrument in self._times:
            gap = self._times.reopen(record.instrument, record.first_seq, record.last_seq)
        else:
            ledger = self._coverage.setdefault(record.instrument, _Coverage()).ledger
            gap = ledger.reopen(record.first_seq, record.last_seq, start=record.start, end=record.end)
        if gap is None:
            return
        numbered = record.instrument not in self._times
        self._bus.publish(
            GapOpened(
                record.instrument,
                gap.first,
                gap.last,
                record.noticed_at,
                start=gap.start,
                end=gap.end,
                numbered=numbered,
            )
        )
        if record.reason:
            gap.reason = record.reason
            self._changed(record.instrument, gap)

    async def _earlier_gaps(self, life: Life) -> tuple[GapRecord, ...]:
        attempt = 0
        while True:
            try:
                return await self._reader.open_gaps()
            except TransientError:
                await life.clock.sleep(full_jitter_s(attempt, base_s=0.5, cap_s=10.0, rng=self._rng))
                attempt += 1

    def _opened(self, instrument: InstrumentId, gap: Gap) -> None:
        log.debug("gap_opened", instrument=instrument, first_seq=gap.first, last_seq=gap.last)
        now, numbered = self._market.now(), instrument not in self._times
        self._bus.publish(GapOpened(instrument, gap.first, gap.last, now, gap.shed, gap.start, gap.end, numbered))

    def _changed(self, instrument: InstrumentId, gap: Gap) -> None:
        reason = gap.reason if gap.missing else ""
        if not gap.missing:
            log.debug("gap_closed", instrument=instrument, first_seq=gap.first, last_seq=gap.last)
        now, numbered = self._market.now(), instrument not in self._times
        missing = gap.missing if numbered else min(gap.missing, 1)
        self._bus.publish(
            GapChanged(instrument, gap.first, gap.last, missing, reason, now, gap.start, gap.end, numbered)
        )

    def _restarted(self, trade: Trade, abandoned: tuple[Gap, ...]) -> None:
        reason = f"the exchange began to count its trades anew, from {trade.seq} on"
        log.warning("numbering_restarted", instrument=trade.instrument, first_seq=trade.seq)
        for gap in abandoned:
            gap.reason = reason
            self._changed(trade.instrument, gap)
        self._bus.publish(NumberingRestarted(trade.instrument, trade.seq, self._market.now()))

    def _quarantine(self, trade: Trade, reason: str) -> None:
        self._quarantined.value += 1
        self._bus.publish(
            FrameRejected(exchange_of(trade.instrument), "", f"quarantined: {reason}", repr(trade), trade.ts_recv)
        )
