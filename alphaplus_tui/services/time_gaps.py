"""Fetches the trades of a stretch of time, where an exchange does not number them: page by page, in order."""

import asyncio
from collections.abc import Sequence

import structlog

from alphaplus_tui.domain.events import (
    GapChanged,
    GapGivenUp,
    GapOpened,
    GapReached,
    InstrumentsKnown,
    TradeReceived,
)
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 4
_PAGE = 1000
_SETTLE_S = 0.3
_TRIES = 3
_TRY_AGAIN_S = 1.0
_LATE_NS = 2_000_000_000
"""What traded longer ago than this is in the exchange's past for sure."""
_MS_NS = 1_000_000
"""REST may say a trade's time less exactly than the stream."""


class _Wanted:
    """A gap that is being filled."""

    __slots__ = ("cursor", "first", "last", "not_before", "taken", "tries", "trouble")

    def __init__(self, gap: GapOpened, not_before: float) -> None:
        self.first, self.last, self.not_before = gap.first_seq, gap.last_seq, not_before
        self.cursor = gap.first_seq
        """The time of a trade that is known: an answer that begins with it leaves nothing out."""
        self.taken = self.tries = 0
        self.trouble = ""


class TimeGapFiller:
    """Hears GapOpened of instruments without numbers; tells TradeReceived, GapReached and GapGivenUp."""

    def __init__(
        self,
        market_data: MarketData,
        bus: Bus,
        *,
        asker: PatientAsker,
        max_trades: int,
        clock: Clock,
        market: MarketClock,
    ) -> None:
        self._data, self._bus, self._asker, self._max_trades = market_data, bus, asker, max_trades
        self._clock, self._market = clock, market
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._wanted: dict[InstrumentId, dict[int, _Wanted]] = {}
        self._waiting: asyncio.Queue[InstrumentId] = asyncio.Queue()
        self._served: set[InstrumentId] = set()
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)

    def is_filling(self, instrument: InstrumentId) -> bool:
        return bool(self._wanted.get(instrument))

    async def run(self) -> None:
        self._served.clear()
        self._waiting = asyncio.Queue()
        for instrument in self._wanted:
            self._want(instrument)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            instrument = await self._waiting.get()
            wanted = self._wanted.setdefault(instrument, {})
            while wanted:
                await self._step(instrument, wanted[min(wanted)])
            self._served.discard(instrument)

    async def _step(self, instrument: InstrumentId, gap: _Wanted) -> None:
        """Wait, fetch a page, or give the gap up."""
        known = self._instruments.get(instrument)
        if known is None:
            self._give_up(instrument, gap, "the instrument is not followed any more")
        elif gap.taken > self._max_trades:
            self._give_up(instrument, gap, f"more trades than exchange.backfill_max_trades = {self._max_trades:,}")
        elif (delay_s := gap.not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep(delay_s)
        else:
            # the millisecond of the cursor: its trade must come again
            since = gap.cursor // _MS_NS * _MS_NS
            try:
                page = await self._asker.ask(lambda: self._data.trades(known, from_seq=since, since=since, limit=_PAGE))
            except FatalError as error:
                self._give_up(instrument, gap, f"the exchange refuses: {error}")
                return
            if self._wanted[instrument].get(gap.first) is gap:  # else it closed, or became longer, meanwhile
                await self._take(known, gap, page)

    async def _take(self, instrument: Instrument, gap: _Wanted, page: Sequence[Trade]) -> None:
        if not page:
            self._later(instrument, gap, "the exchange does not serve them")
            return
        begins, ends = page[0].ts_event, page[-1].ts_event
        give_way = GiveWay()
        for trade in page:
            if gap.first <= trade.ts_event <= gap.last:
                self._bus.publish(TradeReceived(trade))
                gap.taken += 1
            await give_way()
        if begins // _MS_NS > gap.cursor // _MS_NS:
            gap.trouble = "the exchange's past begins later"
        start = max(gap.first, begins if gap.trouble and begins > gap.cursor else gap.cursor)
        whole = len(page) < _PAGE and (ends >= gap.last or self._market.now() >= gap.last + _LATE_NS)
        through = gap.last if whole or ends > gap.last else ends - 1
        if start <= through:
            self._bus.publish(GapReached(instrument.id, gap.first, start, through))
        if through == gap.last:
            if gap.trouble:
                self._give_up(instrument.id, gap, gap.trouble)
        elif len(page) < _PAGE:
            gap.cursor = ends
            gap.not_before = self._clock.monotonic() + _TRY_AGAIN_S
        elif ends // _MS_NS == gap.cursor // _MS_NS:
            self._give_up(instrument.id, gap, f"more than {_PAGE:,} trades in a millisecond")
        else:
            gap.cursor = ends

    def _later(self, instrument: Instrument, gap: _Wanted, reason: str) -> None:
        gap.tries += 1
        gap.not_before = self._clock.monotonic() + _TRY_AGAIN_S * gap.tries
        if gap.tries >= _TRIES:
            self._give_up(instrument.id, gap, gap.trouble or reason)

    def _give_up(self, instrument: InstrumentId, gap: _Wanted, reason: str) -> None:
        if self._wanted[instrument].pop(gap.first, None) is not None:
            log.warning("gap_stays", instrument=instrument, first_seq=gap.first, reason=reason)
            self._bus.publish(GapGivenUp(instrument, gap.first, reason))

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)

    def _on_gap_opened(self, event: GapOpened) -> None:
        if not event.numbered:
            gap = _Wanted(event, self._clock.monotonic() + _SETTLE_S)
            self._wanted.setdefault(event.instrument, {})[event.first_seq] = gap
            self._want(event.instrument)

    def _on_gap_changed(self, event: GapChanged) -> None:
        if not event.missing or event.reason:
            self._wanted.get(event.instrument, {}).pop(event.first_seq, None)

    def _want(self, instrument: InstrumentId) -> None:
        if instrument not in self._served:
            self._served.add(instrument)
            self._waiting.put_nowait(instrument)
