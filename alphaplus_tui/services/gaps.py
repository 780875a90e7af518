"""Fetches the trades of gaps from the exchange, in order, a page at a time."""

import asyncio
from collections.abc import Sequence

import structlog

from alphaplus_tui.domain.events import GapChanged, GapGivenUp, GapOpened, InstrumentsKnown, TradeReceived
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 4
_PAGE = 1000
_SETTLE_S = 0.3
"""Trades that only came out of order fill their gap by themselves within so long."""
_OFTEN_S = 10.0
_BURST_S = 0.5
_LONGEST_SETTLE_S = 15.0
"""Of an instrument that loses trades all the time one page then fills many gaps, which spares the exchange."""
_TRIES = 3
_TRY_AGAIN_S = 1.0
"""The exchange's past may be a little behind its stream."""


class _Wanted:
    """A gap that is being filled."""

    __slots__ = ("cursor", "first_seq", "last_seq", "not_before", "since", "tries")

    def __init__(self, gap: GapOpened, not_before: float) -> None:
        self.first_seq, self.last_seq, self.not_before = gap.first_seq, gap.last_seq, not_before
        self.cursor, self.since = gap.first_seq, gap.start
        self.tries = 0


class _Rhythm:
    """How long to let the gaps of one instrument settle: the longer, the oftener they come."""

    __slots__ = ("_opened_at", "_settle_s")

    def __init__(self) -> None:
        self._opened_at, self._settle_s = float("-inf"), _SETTLE_S

    def settle_s(self, now: float) -> float:
        since_s = now - self._opened_at
        if since_s > _OFTEN_S:
            self._settle_s = _SETTLE_S
        elif since_s > _BURST_S:
            self._settle_s = min(_LONGEST_SETTLE_S, 2 * self._settle_s)
        if since_s > _BURST_S:
            self._opened_at = now
        return self._settle_s


class GapFiller:
    """Hears GapOpened; tells TradeReceived, and GapGivenUp for what cannot be had.

    One page serves all gaps of an instrument that it covers; several instruments are served at once.
    """

    def __init__(
        self, market_data: MarketData, bus: Bus, *, asker: PatientAsker, max_trades: int, clock: Clock
    ) -> None:
        self._data, self._bus, self._asker, self._clock = market_data, bus, asker, clock
        self._max_trades = max_trades
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._wanted: dict[InstrumentId, dict[int, _Wanted]] = {}
        self._rhythms: dict[InstrumentId, _Rhythm] = {}
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
                await self._fill_some(instrument, wanted[min(wanted)])
            self._served.discard(instrument)

    async def _fill_some(self, instrument: InstrumentId, gap: _Wanted) -> None:
        """One step: wait, fetch a page from the lowest gap on, or give that gap up."""
        known = self._instruments.get(instrument)
        count = gap.last_seq - gap.first_seq + 1
        if known is None:
            self._give_up(instrument, gap, "the instrument is not followed any more")
        elif count > self._max_trades:
            limit = f"exchange.backfill_max_trades = {self._max_trades:,}"
            self._give_up(instrument, gap, f"{count:,} trades are more than {limit}")
        elif (delay_s := gap.not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep(delay_s)
        else:
            try:
                page = await self._page(known, gap)
            except FatalError as error:
                self._give_up(instrument, gap, f"the exchange refuses: {error}")
            else:
                await self._publish(page)
                self._look_back(instrument, gap, page)

    async def _page(self, instrument: Instrument, gap: _Wanted) -> Sequence[Trade]:
        from_seq = gap.cursor
        wanted = self._wanted[instrument.id].values()
        last_seq = max(other.last_seq for other in wanted if other.first_seq < from_seq + _PAGE)
        limit = min(_PAGE, last_seq - from_seq + 1)
        page = await self._asker.ask(
            lambda: self._data.trades(instrument, from_seq=from_seq, since=gap.since, limit=limit)
        )
        return [trade for trade in page if from_seq <= trade.seq < from_seq + limit]

    async def _publish(self, page: Sequence[Trade]) -> None:
        give_way = GiveWay()
        for trade in page:
            if any(gap.first_seq <= trade.seq <= gap.last_seq for gap in self._wanted[trade.instrument].values()):
                self._bus.publish(TradeReceived(trade))
            await give_way()

    def _look_back(self, instrument: InstrumentId, asked: _Wanted, page: Sequence[Trade]) -> None:
        """Where a page left something out that it should have had, ask again a little later, then give it up."""
        through = page[-1].seq if page else asked.last_seq
        for gap in list(self._wanted[instrument].values()):
            if gap.last_seq > through:
                gap.cursor = max(gap.cursor, through + 1)
                gap.since = max(gap.since, page[-1].ts_event if page else 0)
                continue
            gap.tries += 1
            gap.cursor = gap.first_seq
            gap.not_before = self._clock.monotonic() + _TRY_AGAIN_S * gap.tries
            if gap.tries >= _TRIES:
                self._give_up(instrument, gap, "the exchange does not serve them")

    def _give_up(self, instrument: InstrumentId, gap: _Wanted, reason: str) -> None:
        self._wanted[instrument].pop(gap.first_seq, None)
        log.warning("gap_stays", instrument=instrument, first_seq=gap.first_seq, reason=reason)
        self._bus.publish(GapGivenUp(instrument, gap.first_seq, reason))

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)

    def _on_gap_opened(self, event: GapOpened) -> None:
        if not event.numbered:
            return
        now = self._clock.monotonic()
        settle_s = self._rhythms.setdefault(event.instrument, _Rhythm()).settle_s(now)
        gap = _Wanted(event, now + settle_s)
        self._wanted.setdefault(event.instrument, {})[event.first_seq] = gap
        self._want(event.instrument)

    def _on_gap_changed(self, event: GapChanged) -> None:
        if not event.missing or event.reason:
            self._wanted.get(event.instrument, {}).pop(event.first_seq, None)

    def _want(self, instrument: InstrumentId) -> None:
        if instrument not in self._served:
            self._served.add(instrument)
            self._waiting.put_nowait(instrument)
