"""Finds what traded before a run that never saw the database, and so could not know what it missed."""

from collections.abc import Iterable, Iterator

from msgspec import structs

from alphaplus_tui.domain.coverage import Cover
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance
from alphaplus_tui.ports.store import Batch, GapRecord, LastTrade, StoreReader


class EarlierRuns:
    """Goes along with the spool of earlier runs, batch by batch, before each is written.

    A hole is added to the batch that begins behind it, so that it is on record if and only if that batch is stored.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._last: dict[InstrumentId, LastTrade | None] = {}
        self._told: dict[InstrumentId, list[GapRecord]] | None = None

    def forget(self) -> None:
        """A batch may not have been stored: look again where what is stored ends."""
        self._last.clear()
        self._told = None

    async def with_holes(self, batch: Batch, now: int) -> Batch:
        """The batch, and the gaps that nobody noticed as records of their own; now: UTC ns."""
        await self._ask(batch)
        self._hear(batch.gaps)
        holes = (*self._by_number(batch, now), *self._by_time(batch, now))
        return structs.replace(batch, gaps=(*batch.gaps, *holes)) if holes else batch

    async def _ask(self, batch: Batch) -> None:
        """Where the stored trades of instruments end that no batch named before."""
        if self._told is None:
            self._told = {}
            self._hear(await self._reader.open_gaps())
        named = {trade.instrument for trade in batch.trades} | {time.instrument for time in batch.covered}
        if new := sorted(named - self._last.keys()):
            found = await self._reader.last_trades(new)
            self._last.update({instrument: found.get(instrument) for instrument in new})

    def _hear(self, gaps: Iterable[GapRecord]) -> None:
        assert self._told is not None
        for gap in gaps:
            if not gap.timeframe:
                self._told.setdefault(gap.instrument, []).append(gap)

    def _by_number(self, batch: Batch, now: int) -> Iterator[GapRecord]:
        for trade in batch.trades:
            if trade.seq == trade.ts_event or trade.provenance is not Provenance.LIVE:
                continue  # without numbers, or fetched for a gap that was known
            last = self._last[trade.instrument]
            if last is not None and last.seq < trade.seq - 1 and last.ts_event <= trade.ts_event:
                first, end = last.seq + 1, trade.seq - 1
                if self._is_new(trade.instrument, first, end):
                    times = last.ts_event, trade.ts_event
                    yield GapRecord(trade.instrument, first, end, end - first + 1, "", now, now, *times)
            if last is None or (trade.seq > last.seq and trade.ts_event >= last.ts_event):
                self._last[trade.instrument] = LastTrade(trade.seq, trade.ts_event)

    def _by_time(self, batch: Batch, now: int) -> Iterator[GapRecord]:
        for time in batch.covered:
            if time.cover is not Cover.LIVE:
                continue
            last = self._last[time.instrument]
            first = time.first if last is None else last.ts_event
            if first < time.first and self._is_new(time.instrument, first + 1, time.first - 1):
                yield GapRecord(time.instrument, first, time.first, 1, "", now, now, first, time.first)
            end = max(first, time.last)
            self._last[time.instrument] = LastTrade(end, end)

    def _is_new(self, instrument: InstrumentId, first: int, last: int) -> bool:
        assert self._told is not None
        gaps = self._told.get(instrument, ())
        return not any(gap.first_seq <= last and first <= gap.last_seq for gap in gaps)
