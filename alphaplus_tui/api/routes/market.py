"""Market data with its age and where it comes from."""

from typing import Annotated

from fastapi import APIRouter, Query

from alphaplus_tui.api.door import Door, Visited
from alphaplus_tui.api.openapi import problems
from alphaplus_tui.api.paging import After, Limit, Since, Symbol, SymbolFilter, by_name, since_ns, split_cursor
from alphaplus_tui.api.problems import NotHere, invalid
from alphaplus_tui.api.schemas import market
from alphaplus_tui.api.schemas.common import Page
from alphaplus_tui.domain.coverage import CoveragePlace
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe, duration_ns, open_time, parse_timeframe
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.session.queries import CandlesBetween, CoveragePage, TradesPage

router = APIRouter(prefix="/api/v1", tags=["market data"])

_UNKNOWN = problems(not_found="no such symbol is followed")
_STORED = problems(not_found="no such symbol is followed", unavailable="the database does not answer")
_MS_NS = 1_000_000


@router.get("/tickers", summary="The latest of every instrument", responses=_UNKNOWN)
async def tickers(
    door: Visited, symbol: SymbolFilter = None, limit: Limit = 100, after: After = None
) -> Page[market.Ticker]:
    """In the order of exchange and symbol."""
    only = None if symbol is None else door.instrument(symbol)
    rows = [row for row in door.state.prices.values() if only in {None, row.instrument}]
    page, following = by_name(rows, lambda row: market.key_of(row.instrument), limit=limit, after=after)
    feeds = door.state.feeds
    items = [market.Ticker.of(row, feeds.get(row.instrument), door.age_s(row.ts_recv)) for row in page]
    return Page(items=items, next=following)


@router.get("/orderbook", summary="The best levels of an instrument", responses=_UNKNOWN)
async def orderbook(
    door: Visited,
    symbol: Symbol,
    limit: Annotated[int, Query(ge=1, le=1000, description="Levels of each side at most.")] = 20,
) -> market.OrderBook:
    """As it is kept in memory: as many levels as the exchange sends."""
    instrument = door.instrument(symbol)
    row = door.state.books.get(instrument)
    if row is None:
        raise NotHere(f"no order book of {symbol} has come yet")
    return market.OrderBook.of(row, door.state.feeds.get(instrument), door.age_s(row.ts_recv), limit)


@router.get("/trades", summary="Stored trades of an instrument", responses=_STORED)
async def trades(
    door: Visited, symbol: Symbol, since: Since = None, limit: Limit = 100, after: After = None
) -> market.TradePage:
    """Oldest first. Without `since` and `after` the newest ones, at most 100, from memory.

    Where an exchange does not number its trades, those of one moment come on one page, even beyond `limit`.
    """
    instrument = door.instrument(symbol)
    if since is None and after is None:
        tape = door.state.tapes.get(instrument)
        found: tuple[Trade, ...] = tuple(reversed(tape.trades[:limit])) if tape else ()
        full = True
    else:
        start, after_seq = (since_ns(since), None) if after is None else _trade_cursor(after)
        found, full = await _stored_trades(door, instrument, start, after_seq, limit)
    following = _trade_place(found[-1]) if found and full else None
    state, age_s = _freshness(door, instrument)
    return market.TradePage(
        items=[market.TradeAnswer.of(one) for one in found], next=following, state=state, age_s=age_s
    )


@router.get("/candles", summary="Stored candles of an instrument", responses=_STORED)
async def candles(
    door: Visited,
    *,
    symbol: Symbol,
    timeframe: Annotated[str, Query(json_schema_extra={"enum": list(TIMEFRAMES)})] = "1m",
    since: Since = None,
    limit: Limit = 100,
    after: After = None,
) -> market.CandlePage:
    """Closed ones, oldest first. A page covers `limit` spans of time, so that a hole makes it shorter.

    Without `since` and `after` the newest ones.
    """
    instrument, wanted = door.instrument(symbol), _timeframe(timeframe)
    length, now = duration_ns(wanted), door.now()
    end = open_time(now, wanted)
    if after is not None:
        start = open_time(split_cursor(after)[0], wanted)
    elif since is not None:
        start = -(-since_ns(since) // length) * length
    else:
        start = max(0, end - limit * length)
    until = min(end, start + limit * length)
    found = await door.ask(CandlesBetween(instrument, wanted, start, until, limit)) if start < until else ()
    state, age_s = _freshness(door, instrument)
    return market.CandlePage(
        items=[market.CandleAnswer.of(one) for one in found],
        next=f"{until}." if until < end and start < until else None,
        state=state,
        age_s=age_s,
    )


@router.get("/coverage", summary="What is covered, being repaired, missing", responses=_UNKNOWN)
async def coverage(
    door: Visited, symbol: SymbolFilter = None, limit: Limit = 100, after: After = None
) -> Page[market.Coverage]:
    """In the order of exchange and symbol; each with its open gaps."""
    only = None if symbol is None else door.instrument(symbol)
    rows = [row for row in door.state.feeds.values() if only in {None, row.instrument}]
    page, following = by_name(rows, lambda row: market.key_of(row.instrument), limit=limit, after=after)
    gaps: dict[InstrumentId, list[market.Gap]] = {row.instrument: [] for row in page}
    for gap in door.state.gaps.values():
        if gap.instrument in gaps:
            gaps[gap.instrument].append(market.Gap.of(gap))
    return Page(items=[market.Coverage.of(row, gaps[row.instrument]) for row in page], next=following)


@router.get("/coverage/map", summary="What is stored whole, how it came, and the gaps", responses=_STORED)
async def coverage_map(
    door: Visited, symbol: SymbolFilter = None, since: Since = None, limit: Limit = 100, after: After = None
) -> Page[market.Stretch]:
    """From the database: by instrument, timeframe (trades first) and time."""
    instrument = "" if symbol is None else door.instrument(symbol)
    place = None if after is None else _coverage_place(after)
    rows = await door.ask(CoveragePage(instrument, since_ns(since), place, limit + 1))
    items = [market.Stretch.of(row) for row in rows[:limit]]
    return Page(items=items, next=_coverage_cursor(rows[limit - 1].place) if len(rows) > limit else None)


def _freshness(door: Door, instrument: InstrumentId) -> tuple[str, float | None]:
    feed, price = door.state.feeds.get(instrument), door.state.prices.get(instrument)
    return (feed.state if feed else "CONNECTING"), (door.age_s(price.ts_recv) if price else None)


async def _stored_trades(
    door: Door, instrument: InstrumentId, start: int, after_seq: int | None, limit: int
) -> tuple[tuple[Trade, ...], bool]:
    """A page, and whether there is more; no page ends between trades that share a ``seq``."""
    wanted = limit + 1
    while True:
        query = TradesPage(instrument, start=start, end=door.now() + 1, limit=wanted, after_seq=after_seq)
        found = await door.ask(query)
        end = min(limit, len(found))
        while 0 < end < len(found) and found[end].seq == found[end - 1].seq:
            end += 1
        if end < len(found):
            return found[:end], True
        if len(found) < wanted:
            return found, False
        wanted *= 2


def _timeframe(name: str) -> Timeframe:
    try:
        return parse_timeframe(name)
    except UnknownName as error:
        raise invalid("timeframe", str(error)) from None


def _coverage_cursor(place: CoveragePlace) -> str:
    return f"{place.start}.{place.first_seq}.{place.timeframe}.{place.instrument}"


def _coverage_place(after: str) -> CoveragePlace:
    start, rest = split_cursor(after)
    first_seq, rest = split_cursor(rest)
    timeframe, _, instrument = rest.partition(".")
    return CoveragePlace(InstrumentId(instrument), timeframe, start, first_seq)


def _trade_place(trade: Trade) -> str:
    return f"{trade.ts_event // _MS_NS * _MS_NS}.{trade.seq}"


def _trade_cursor(after: str) -> tuple[int, int]:
    start, rest = split_cursor(after)
    return start, split_cursor(f"{rest}.")[0]
