"""Fetches the candles of a stretch of the past that are not stored yet."""

from collections.abc import AsyncGenerator, Sequence

from alphaplus_tui.domain.coverage import candle_number
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import Batch, GapRecord, StoreReader, StoreWriter
from alphaplus_tui.services.asking import PatientAsker

_PAGE = 1_000
"""Candles that are looked at, and written, together."""
_NOT_THERE = "the exchange has no candle there"


class PastCandles:
    """One series; what is written when it is cancelled is not fetched again."""

    def __init__(
        self, data: MarketData, writer: StoreWriter, reader: StoreReader, asker: PatientAsker, market: MarketClock
    ) -> None:
        self._data, self._writer, self._reader, self._asker, self._market = data, writer, reader, asker, market
        self.fetched = 0
        self.new = 0
        self.missing = 0
        """Those that the exchange has not."""
        self._missing_from: int | None = None

    async def load(self, instrument: Instrument, timeframe: Timeframe, *, start: int, end: int) -> AsyncGenerator[int]:
        """All that open in ``start <= open_time < end`` and have closed; tells up to when each page came (UTC ns)."""
        length = duration_ns(timeframe)
        opens = open_time(start + length - 1, timeframe)
        while opens < end:
            until = min(opens + _PAGE * length, end)
            wanted = range(opens, until, length)
            stored = await self._reader.candles(instrument.id, timeframe, start=opens, end=until, limit=_PAGE)
            missing = _without(wanted, stored)
            if missing:
                fetched = await self._fetch(instrument, timeframe, missing[0], until)
                missing = _without(missing, fetched)
            await self._note(instrument.id, timeframe, wanted, set(missing))
            opens = until
            yield until
        await self._close(instrument.id, timeframe, opens)

    async def _fetch(self, instrument: Instrument, timeframe: Timeframe, since: int, until: int) -> list[Candle]:
        limit = -(-(until - since) // duration_ns(timeframe))
        answer = await self._asker.ask(lambda: self._data.candles(instrument, timeframe, since=since, limit=limit))
        found = [candle for candle in answer if since <= candle.open_time < until and not candle.forming]
        if found:
            written = await self._writer.write(Batch(candles=tuple(found)))
            self.fetched += len(found)
            self.new += written.rows.get("candles", 0)
        return found

    async def _note(
        self, instrument: InstrumentId, timeframe: Timeframe, wanted: Sequence[int], missing: set[int]
    ) -> None:
        """Stretches that the exchange has not become gaps, over the ends of pages."""
        for opens in wanted:
            if opens in missing and self._missing_from is None:
                self._missing_from = opens
            elif opens not in missing:
                await self._close(instrument, timeframe, opens)

    async def _close(self, instrument: InstrumentId, timeframe: Timeframe, until: int) -> None:
        if self._missing_from is None:
            return
        start, self._missing_from = self._missing_from, None
        first, last = candle_number(start, timeframe), candle_number(until, timeframe) - 1
        self.missing += last - first + 1
        now = self._market.now()
        gap = GapRecord(
            instrument, first, last, last - first + 1, _NOT_THERE, now, now, start=start, end=until, timeframe=timeframe
        )
        await self._writer.write(Batch(gaps=(gap,)))


def _without(openings: Sequence[int], candles: Sequence[Candle]) -> list[int]:
    there = {candle.open_time for candle in candles if candle.complete}
    return [opens for opens in openings if opens not in there]
