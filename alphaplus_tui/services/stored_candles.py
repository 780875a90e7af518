"""Reads stored candles of any timeframe: as they are, or made of shorter ones where they are not stored."""

from collections.abc import AsyncIterator

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.resampling import resampled, source_of
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.ports.store import StoreReader

PAGE = 10_000


async def newest_candles(
    reader: StoreReader, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, limit: int
) -> tuple[Candle, ...]:
    """The newest ``limit`` candles with ``start <= open_time < end`` (UTC ns), oldest first."""
    stored = await reader.candles(instrument, timeframe, start=start, end=end, limit=limit)
    if stored:
        return stored
    source = await _source(reader, instrument, timeframe)
    if source == timeframe or source is None:
        return ()
    made = await reader.made_candles(instrument, timeframe, source, start=start, end=end, limit=limit)
    if made is not None:
        return made
    length = duration_ns(timeframe)
    last = open_time(max(0, end - 1), timeframe) + length
    found: list[Candle] = []
    while len(found) < limit:
        first = max(start, last - PAGE // (length // duration_ns(source)) * length)
        parts = await reader.candles(instrument, source, start=first, end=last, limit=PAGE)
        if parts:
            found[:0] = [candle for candle in resampled(parts, timeframe) if start <= candle.open_time < end]
            last = first
        else:  # a hole: jump to what is before it
            before = await reader.candles(instrument, source, start=start, end=last, limit=1)
            if not before:
                break
            last = open_time(before[0].open_time, timeframe) + length
        if last <= start:
            break
    return tuple(found[-limit:])


async def candle_pages(
    reader: StoreReader, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, page: int = PAGE
) -> AsyncIterator[tuple[Candle, ...]]:
    """All with ``start <= open_time < end`` (UTC ns), oldest first, page by page."""
    source = await _source(reader, instrument, timeframe)
    if source is None:
        return
    if source == timeframe:
        async for some in _pages(reader, instrument, timeframe, start=start, end=end, page=page):
            yield some
        return
    waiting: list[Candle] = []
    first = -(-start // duration_ns(source)) * duration_ns(source)
    last = open_time(max(0, end - 1), timeframe) + duration_ns(timeframe)
    async for some in _pages(reader, instrument, source, start=first, end=last, page=page):
        waiting += some
        begins = open_time(waiting[-1].open_time, timeframe)
        whole = [candle for candle in waiting if candle.open_time < begins]
        waiting = waiting[len(whole) :]
        if made := tuple(resampled(whole, timeframe)):
            yield made
    if made := tuple(candle for candle in resampled(waiting, timeframe) if candle.open_time < end):
        yield made


async def _source(reader: StoreReader, instrument: InstrumentId, timeframe: Timeframe) -> Timeframe | None:
    """``timeframe`` itself where it is stored."""
    stored = await reader.timeframes(instrument)
    return timeframe if timeframe in stored else source_of(timeframe, stored)


async def _pages(
    reader: StoreReader, instrument: InstrumentId, timeframe: Timeframe, *, start: int, end: int, page: int
) -> AsyncIterator[tuple[Candle, ...]]:
    """The store answers with the newest, so the bounds are found backwards before."""
    bounds: list[tuple[int, int]] = []
    while some := await reader.candles(instrument, timeframe, start=start, end=end, limit=page):
        bounds.append((some[0].open_time, end))
        end = some[0].open_time
        if len(some) < page:
            break
    for first, last in reversed(bounds):
        yield await reader.candles(instrument, timeframe, start=first, end=last, limit=page)
