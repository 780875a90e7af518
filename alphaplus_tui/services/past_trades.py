"""Fetches the trades of a stretch of the past that are not stored yet."""

from collections.abc import AsyncGenerator, Sequence

from alphaplus_tui.domain.coverage import TRADES, Cover, CoverageRow, CoveredTime
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import Batch, GapRecord, StoreReader, StoreWriter
from alphaplus_tui.services.asking import PatientAsker

_PAGE = 1_000
_NOT_SERVED = "the exchange does not serve it"
_MOST_STRETCHES = 10_000
_LARGEST_SEQ = 2**62


class PastTrades:
    """One instrument's; what is written when it is cancelled is not fetched again."""

    def __init__(
        self, data: MarketData, writer: StoreWriter, reader: StoreReader, asker: PatientAsker, market: MarketClock
    ) -> None:
        self._data, self._writer, self._reader, self._asker, self._market = data, writer, reader, asker, market
        self.fetched = 0
        self.new = 0
        self.missing = 0
        """Numbers that the exchange skipped; each stretch of them is recorded as a gap."""

    async def load(self, instrument: Instrument, *, start: int, end: int) -> AsyncGenerator[int]:
        """All with ``start <= ts_event < end``; tells up to when each page came (UTC ns)."""
        covered = await self._covered(instrument, start, end)
        seq = await self._begin(instrument, start, covered)
        since = start
        while seq is not None:
            seq = _behind(covered, seq)
            page = await self._ask(instrument, seq, since, _PAGE)
            wanted = [trade for trade in page if start <= trade.ts_event < end]
            if wanted:
                await self._write(instrument, wanted, self._skipped(instrument, wanted, seq, since))
                since = wanted[-1].ts_event
                yield since
            seq = _next(instrument, seq, page, end)

    def _skipped(self, instrument: Instrument, trades: Sequence[Trade], seq: int, since: int) -> tuple[GapRecord, ...]:
        """The numbers that are missing between ``seq``, which was asked for, and the last of ``trades``."""
        if not instrument.numbered:
            return ()
        gaps: list[GapRecord] = []
        now = self._market.now()
        for trade in trades:
            if missing := max(0, trade.seq - seq):
                ends = trade.ts_event
                gaps.append(
                    GapRecord(instrument.id, seq, trade.seq - 1, missing, _NOT_SERVED, now, now, start=since, end=ends)
                )
                self.missing += missing
            seq, since = trade.seq + 1, trade.ts_event
        return tuple(gaps)

    async def _write(self, instrument: Instrument, trades: Sequence[Trade], gaps: tuple[GapRecord, ...]) -> None:
        # a page begins with the last trade of the one before it, so what is covered is without a break
        time = CoveredTime(instrument.id, trades[0].ts_event, trades[-1].ts_event, Cover.BACKFILLED)
        times = () if instrument.numbered else (time,)
        written = await self._writer.write(Batch(trades=tuple(trades), covered=times, gaps=gaps))
        self.fetched += len(trades)
        self.new += written.rows.get("trades", 0)

    async def _covered(self, instrument: Instrument, start: int, end: int) -> list[CoverageRow]:
        rows = await self._reader.coverage([instrument.id], start=start, end=end, limit=_MOST_STRETCHES)
        found = [row for row in rows if row.timeframe == TRADES and row.cover is not Cover.GAP]
        return sorted(found, key=lambda row: row.first_seq)

    async def _begin(self, instrument: Instrument, start: int, covered: Sequence[CoverageRow]) -> int | None:
        """The number of the first trade at or after ``start``, or of one that is stored; None where there is none."""
        if not instrument.numbered:
            return start
        for row in covered:
            if row.start <= start <= row.end:
                return row.first_seq
        first = await self._ask(instrument, 0, start, 1)
        if not first or first[0].ts_event >= start:
            return first[0].seq if first else None
        # numbers rise with time: step over the moment, then halve
        low, step = first[0].seq, 1
        while await self._is_before(instrument, low + step, start):
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await self._is_before(instrument, middle, start) else (low, middle)
        return high

    async def _is_before(self, instrument: Instrument, seq: int, moment: int) -> bool:
        """Whether the trade of a number, or the next there is, was before a moment."""
        found = await self._ask(instrument, seq, moment, 1) if seq < _LARGEST_SEQ else ()
        return bool(found) and found[0].ts_event < moment

    async def _ask(self, instrument: Instrument, seq: int, since: int, limit: int) -> tuple[Trade, ...]:
        return await self._asker.ask(lambda: self._data.trades(instrument, from_seq=seq, since=since, limit=limit))


def _behind(covered: Sequence[CoverageRow], seq: int) -> int:
    """The first number at or after ``seq`` that is not stored; covered: in order."""
    for row in covered:
        if row.first_seq <= seq <= row.last_seq:
            seq = row.last_seq + 1
    return seq


def _next(instrument: Instrument, seq: int, page: Sequence[Trade], end: int) -> int | None:
    """Where the next page begins; None at the end of what is wanted, or served."""
    if not page or page[-1].ts_event >= end:
        return None
    last = page[-1].seq
    if instrument.numbered:
        return last + 1
    # several trades may share one time: it is asked for again, unless it filled the whole page
    if last > seq:
        return last
    return last + 1 if len(page) >= _PAGE else None
