"""Fetches the trades of a stretch of time, where an exchange does not number them: page by page, in order."""

from collections.abc import Sequence

from alphaplus_tui.domain.events import GapOpened, GapReached, TradeReceived
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.filling import PAGE, SETTLE_S, TRY_AGAIN_S, Filling, WantedGap

_LATE_NS = 2_000_000_000
"""What traded longer ago than this is in the exchange's past for sure."""
_MS_NS = 1_000_000
"""REST may say a trade's time less exactly than the stream."""


class _Wanted(WantedGap):
    """From one moment to another; ``cursor`` is that of a known trade: what begins with it leaves nothing out."""

    __slots__ = ("taken", "trouble")

    def __init__(self, gap: GapOpened, not_before: float) -> None:
        super().__init__(gap, not_before)
        self.taken = 0
        self.trouble = ""


class TimeGapFiller(Filling[_Wanted]):
    """Tells TradeReceived, and GapReached of what is whole."""

    numbered = False

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
        super().__init__(bus, clock)
        self._data, self._asker, self._max_trades, self._market = market_data, asker, max_trades, market

    def _wanted_of(self, event: GapOpened) -> _Wanted:
        return _Wanted(event, self._clock.monotonic() + SETTLE_S)

    def _too_much(self, gap: _Wanted) -> str:
        if gap.taken <= self._max_trades:
            return ""
        return f"more trades than exchange.backfill_max_trades = {self._max_trades:,}"

    async def _fetch(self, instrument: Instrument, gap: _Wanted) -> None:
        # the millisecond of the cursor: its trade must come again
        since = gap.cursor // _MS_NS * _MS_NS
        page = await self._asker.ask(lambda: self._data.trades(instrument, from_seq=since, since=since, limit=PAGE))
        if self._wanted[instrument.id].get(gap.first_seq) is gap:  # else it closed, or became longer, meanwhile
            await self._take(instrument, gap, page)

    async def _take(self, instrument: Instrument, gap: _Wanted, page: Sequence[Trade]) -> None:
        if not page:
            self._try_later(instrument.id, gap, gap.trouble or "the exchange does not serve them")
            return
        begins, ends = page[0].ts_event, page[-1].ts_event
        give_way = GiveWay()
        for trade in page:
            if gap.first_seq <= trade.ts_event <= gap.last_seq:
                self._bus.publish(TradeReceived(trade))
                gap.taken += 1
            await give_way()
        if begins // _MS_NS > gap.cursor // _MS_NS:
            gap.trouble = "the exchange's past begins later"
        start = max(gap.first_seq, begins if gap.trouble and begins > gap.cursor else gap.cursor)
        whole = len(page) < PAGE and (ends >= gap.last_seq or self._market.now() >= gap.last_seq + _LATE_NS)
        through = gap.last_seq if whole or ends > gap.last_seq else ends - 1
        if start <= through:
            self._bus.publish(GapReached(instrument.id, gap.first_seq, start, through))
        if through == gap.last_seq:
            if gap.trouble:
                self._give_up(instrument.id, gap, gap.trouble)
        elif len(page) < PAGE:
            gap.cursor = ends
            gap.not_before = self._clock.monotonic() + TRY_AGAIN_S
        elif ends // _MS_NS == gap.cursor // _MS_NS:
            self._give_up(instrument.id, gap, f"more than {PAGE:,} trades in a millisecond")
        else:
            gap.cursor = ends
