"""Predictions, decisions, signals and alerts: stored ones, the newest first."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query

from alphaplus_tui.api.door import Door, Visited
from alphaplus_tui.api.openapi import problems
from alphaplus_tui.api.paging import After, Limit, Since, SymbolFilter, newest_first, since_ns
from alphaplus_tui.api.schemas.common import Page
from alphaplus_tui.api.schemas.opinions import AlertAnswer, DecisionAnswer, PredictionAnswer, SignalAnswer
from alphaplus_tui.domain.analysis import Decision
from alphaplus_tui.session.queries import AlertsPage, DecisionsPage, SignalsPage

router = APIRouter(prefix="/api/v1", tags=["opinions"])

_STORED = problems(not_found="no such symbol is followed", unavailable="the database does not answer")

Gate = Annotated[
    str, Query(max_length=100, description="Only those that this gate held back; `passed`: those that became signals.")
]


@router.get("/predictions", summary="What models said of closed candles", responses=_STORED)
async def predictions(
    door: Visited, symbol: SymbolFilter = None, since: Since = None, limit: Limit = 100, after: After = None
) -> Page[PredictionAnswer]:
    """Champion's and challenger's, the newest first. `since` is the time of judging."""
    found, following = await newest_first(
        _decisions(door, _one(door, symbol)), _decided, since=since_ns(since), limit=limit, after=after
    )
    return Page(items=[PredictionAnswer.of(one) for one in found], next=following)


@router.get("/decisions", summary="What the gates said to predictions", responses=_STORED)
async def decisions(
    door: Visited,
    *,
    symbol: SymbolFilter = None,
    since: Since = None,
    gate: Gate = "",
    limit: Limit = 100,
    after: After = None,
) -> Page[DecisionAnswer]:
    """For every closed candle, also when nothing was signalled; the newest first."""
    found, following = await newest_first(
        _decisions(door, _one(door, symbol), gate), _decided, since=since_ns(since), limit=limit, after=after
    )
    return Page(items=[DecisionAnswer.of(one) for one in found], next=following)


@router.get("/signals", summary="Signals, and what became of them", responses=_STORED)
async def signals(
    door: Visited, symbol: SymbolFilter = None, since: Since = None, limit: Limit = 100, after: After = None
) -> Page[SignalAnswer]:
    """The newest first."""
    instrument = _one(door, symbol)
    found, following = await newest_first(
        lambda before, most: door.ask(SignalsPage(instrument, before, most)),
        lambda row: (row.signal.made_at, row.signal.id),
        since=since_ns(since),
        limit=limit,
        after=after,
    )
    return Page(items=[SignalAnswer.of(row.signal, row.outcome) for row in found], next=following)


@router.get("/alerts", summary="What the rules of the user found", responses=_STORED)
async def alerts(
    door: Visited, symbol: SymbolFilter = None, since: Since = None, limit: Limit = 100, after: After = None
) -> Page[AlertAnswer]:
    """The newest first, with what became of them on their way to each channel."""
    instrument, start = _one(door, symbol), since_ns(since)
    found, following = await newest_first(
        lambda before, most: door.ask(AlertsPage(instrument, start, before, most)),
        lambda row: (row.raised_at, row.id),
        since=start,
        limit=limit,
        after=after,
    )
    return Page(items=[AlertAnswer.of(one) for one in found], next=following)


def _one(door: Door, symbol: str | None) -> str:
    """What a question names an instrument by; empty: all."""
    return "" if symbol is None else door.instrument(symbol)


def _decisions(
    door: Door, instrument: str, gate: str = ""
) -> Callable[[int | None, int], Awaitable[tuple[Decision, ...]]]:
    return lambda before, most: door.ask(DecisionsPage(instrument, before, most, gate))


def _decided(made: Decision) -> tuple[int, str]:
    return made.decided_at, made.id
