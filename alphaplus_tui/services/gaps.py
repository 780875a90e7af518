"""Fetches the trades of gaps from the exchange, in order, a page at a time."""

from collections.abc import Sequence

from alphaplus_tui.domain.events import GapOpened, TradeReceived
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.filling import PAGE, SETTLE_S, Filling, WantedGap

_OFTEN_S = 10.0
_BURST_S = 0.5
_LONGEST_SETTLE_S = 15.0
"""Of an instrument that loses trades all the time one page then fills many gaps, which spares the exchange."""


class _Wanted(WantedGap):
    """Trades by their numbers."""

    __slots__ = ("since",)

    def __init__(self, gap: GapOpened, not_before: float) -> None:
        super().__init__(gap, not_before)
        self.since = gap.start


class _Rhythm:
    """How long to let the gaps of one instrument settle: the longer, the oftener they come."""

    __slots__ = ("_opened_at", "_settle_s")

    def __init__(self) -> None:
        self._opened_at, self._settle_s = float("-inf"), SETTLE_S

    def settle_s(self, now: float) -> float:
        since_s = now - self._opened_at
        if since_s > _OFTEN_S:
            self._settle_s = SETTLE_S
        elif since_s > _BURST_S:
            self._settle_s = min(_LONGEST_SETTLE_S, 2 * self._settle_s)
        if since_s > _BURST_S:
            self._opened_at = now
        return self._settle_s


class GapFiller(Filling[_Wanted]):
    """Tells TradeReceived. One page serves all gaps of an instrument that it covers."""

    numbered = True

    def __init__(
        self, market_data: MarketData, bus: Bus, *, asker: PatientAsker, max_trades: int, clock: Clock
    ) -> None:
        super().__init__(bus, clock)
        self._data, self._asker, self._max_trades = market_data, asker, max_trades
        self._rhythms: dict[InstrumentId, _Rhythm] = {}

    def _wanted_of(self, event: GapOpened) -> _Wanted:
        now = self._clock.monotonic()
        return _Wanted(event, now + self._rhythms.setdefault(event.instrument, _Rhythm()).settle_s(now))

    def _too_much(self, gap: _Wanted) -> str:
        count = gap.last_seq - gap.first_seq + 1
        if count <= self._max_trades:
            return ""
        return f"{count:,} trades are more than exchange.backfill_max_trades = {self._max_trades:,}"

    async def _fetch(self, instrument: Instrument, gap: _Wanted) -> None:
        page = await self._page(instrument, gap)
        await self._publish(page)
        self._look_back(instrument.id, gap, page)

    async def _page(self, instrument: Instrument, gap: _Wanted) -> Sequence[Trade]:
        from_seq = gap.cursor
        wanted = self._wanted[instrument.id].values()
        last_seq = max(other.last_seq for other in wanted if other.first_seq < from_seq + PAGE)
        limit = min(PAGE, last_seq - from_seq + 1)
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
            else:
                gap.cursor = gap.first_seq
                self._try_later(instrument, gap, "the exchange does not serve them")
