"""At the start, asks the exchange for what came after the last stored trade, without waiting for the stream."""

import asyncio

import structlog

from alphaplus_tui.domain.events import InstrumentsKnown, LastTradesKnown, NewestTradeKnown, TradeReceived
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus, GiveWay
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.services.asking import PatientAsker

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 4
_PAGE = 1000


class CatchUp:
    """Hears LastTradesKnown; tells NewestTradeKnown and the trades that it got with it.

    A page is enough to know of the gap: what comes after a full one, the first live trade tells. Instruments without
    numbers need no asking: their gap is known by time.
    """

    def __init__(self, market_data: MarketData, bus: Bus, *, asker: PatientAsker) -> None:
        self._data, self._bus, self._asker = market_data, bus, asker
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._behind: dict[InstrumentId, tuple[int, int]] = {}
        self._known = asyncio.Event()
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(LastTradesKnown, self._on_last_trades)

    async def run(self) -> None:
        while True:
            await self._work_off()
            await self._known.wait()
            self._known.clear()

    async def _work_off(self) -> None:
        async def worker() -> None:
            while self._behind:
                instrument, (seq, ts) = self._behind.popitem()
                await self._ask(instrument, seq, ts)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(worker())

    async def _ask(self, name: InstrumentId, seq: int, ts: int) -> None:
        instrument = self._instruments.get(name)
        if instrument is None or not instrument.numbered:
            return
        try:
            page = await self._asker.ask(lambda: self._data.trades(instrument, from_seq=seq + 1, since=ts, limit=_PAGE))
        except FatalError as error:
            log.warning("cannot_catch_up", instrument=name, error=str(error))
            return
        if not page:
            return
        self._bus.publish(NewestTradeKnown(name, page[-1].seq, page[-1].ts_event))
        give_way = GiveWay()
        for trade in page:
            self._bus.publish(TradeReceived(trade))
            await give_way()

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)

    def _on_last_trades(self, event: LastTradesKnown) -> None:
        self._behind.update((instrument, (seq, ts)) for instrument, seq, ts in event.last)
        self._known.set()
