"""A session of this process: its state, its services, its database and its log."""

import asyncio
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

from alphaplus_tui.domain.analysis import Explanation
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, StoreUnavailable, UnknownName, UsageError
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.logs.reader import Filter, read_page
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.stored_candles import newest_candles
from alphaplus_tui.services.stored_coverage import coverage_map, coverage_page
from alphaplus_tui.session.commands import (
    Accepted,
    CancelTraining,
    Command,
    NoticeModel,
    PinModel,
    PromoteModel,
    Refused,
    Reply,
    RestartService,
    RollBackModel,
    StartService,
    StopService,
    Train,
    UnpinModel,
)
from alphaplus_tui.session.queries import (
    AlertsPage,
    AnyQuery,
    CandlesBetween,
    CoverageMap,
    CoveragePage,
    DecisionAt,
    DecisionsPage,
    Explain,
    LogAnswer,
    LogLine,
    LogPage,
    ModelReport,
    Query,
    SignalsPage,
    TradesPage,
)
from alphaplus_tui.state.slices import FeedState, SignalRow
from alphaplus_tui.state.view import StateView

A = TypeVar("A")

_STARTING = "AlphaPlus is still starting; try again in a moment"


ModelCommand = Train | CancelTraining | PromoteModel | PinModel | UnpinModel | RollBackModel | NoticeModel


class Desk(Protocol):
    """Carries out what visitors wish of models and ask about them; raises what stands in the way."""

    async def carry_out(self, command: ModelCommand) -> None: ...

    async def explain(self, decision: str) -> Explanation: ...

    async def report(self, model: str) -> str: ...


class LocalSession:
    """What a console, a headless run and the control socket hold on to."""

    def __init__(self, state: StateView, log_file: Path) -> None:
        self.state = state
        self._log_file = log_file
        self._behind: _Behind | None = None

    def open(
        self, manager: ServiceManager, reader: StoreReader, market: MarketClock, models: Desk | None = None
    ) -> None:
        """Commands and questions are answered from now on; those about models where there is a desk for them."""
        self._behind = _Behind(manager, reader, market, models)

    async def send(self, command: Command) -> Reply:
        """Carried out before this returns, as far as it does not wait for the outside."""
        if self._behind is None:
            return Refused(_STARTING)
        manager = self._behind.manager
        try:
            match command:
                case RestartService(name):
                    await manager.restart(name)
                case StopService(name):
                    await manager.stop_one(name)
                case StartService(name):
                    await manager.start_one(name)
                case _:
                    await self._behind.desk.carry_out(command)
        except AlphaPlusError as error:
            return Refused(str(error), unknown=isinstance(error, UnknownName))
        return Accepted()

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        try:
            async with asyncio.timeout(deadline_s):
                return cast("A", await self._answer(cast("AnyQuery", query)))
        except TimeoutError:
            raise DeadlineExceeded(f"no answer to {type(query).__name__} within {deadline_s:g} s") from None

    async def _answer(self, query: AnyQuery) -> object:
        if isinstance(query, LogPage):
            return await asyncio.to_thread(_log_page, self._log_file, query)
        if self._behind is None:
            raise StoreUnavailable(_STARTING)
        reader = self._behind.reader
        # nobody sees a row later than the market's own now, which matters in a replay
        end = self._behind.market.now() + 1
        match query:
            case CandlesBetween(instrument, timeframe, start):
                return await newest_candles(
                    reader, instrument, timeframe, start=start, end=min(query.end, end), limit=query.limit
                )
            case TradesPage(instrument, start):
                return await reader.trades(
                    instrument, start=start, end=min(query.end, end), limit=query.limit, after_seq=query.after_seq
                )
            case DecisionAt(instrument, ts):
                return await reader.decision_at(instrument, min(ts, end))
            case DecisionsPage():
                before = end if query.before is None else min(query.before, end)
                return await reader.decisions(_one(query.instrument), before=before, limit=query.limit, gate=query.gate)
            case SignalsPage():
                before = end if query.before is None else min(query.before, end)
                found = await reader.signals(_one(query.instrument), before=before, limit=query.limit)
                return tuple(SignalRow(signal, outcome) for signal, outcome in found)
            case AlertsPage():
                before = end if query.before is None else min(query.before, end)
                return await reader.alerts(_one(query.instrument), since=query.since, before=before, limit=query.limit)
            case CoverageMap(instrument, start):
                return await coverage_map(
                    reader,
                    [InstrumentId(instrument)] if instrument else (),
                    start=start,
                    end=end if query.end is None else min(query.end, end),
                    limit=query.limit,
                    heard=_heard(self.state) if query.end is None else None,
                )
            case CoveragePage(instrument, start):
                return await coverage_page(
                    reader,
                    [InstrumentId(instrument)] if instrument else (),
                    start=start,
                    end=end,
                    after=query.after,
                    limit=query.limit,
                    heard=_heard(self.state),
                )
            case Explain(decision):
                return await self._behind.desk.explain(decision)
            case ModelReport(model):
                return await self._behind.desk.report(model)


class _Behind(NamedTuple):
    """What a session passes wishes and questions on to."""

    manager: ServiceManager
    reader: StoreReader
    market: MarketClock
    models: Desk | None

    @property
    def desk(self) -> Desk:
        """``UsageError`` where models are nobody's business."""
        if self.models is None:
            raise UsageError("no models are kept here")
        return self.models


def _heard(state: StateView) -> dict[InstrumentId, int]:
    """When the newest trade was, of instruments whose stream is live."""
    live = (row.instrument for row in state.feeds.values() if row.state is FeedState.LIVE)
    prices = [state.prices.get(instrument) for instrument in live]
    return {row.instrument: row.ts_event for row in prices if row is not None and row.ts_event}


def _one(instrument: str) -> InstrumentId | None:
    return InstrumentId(instrument) if instrument else None


def _log_page(file: Path, query: LogPage) -> LogAnswer:
    page = read_page(
        file,
        Filter(query.min_level, query.service, query.search),
        before=query.before,
        after=query.after,
        limit=query.limit,
    )
    lines = tuple(
        LogLine(
            cursor=line.cursor,
            ts=line.record.ts,
            level=line.record.level,
            service=line.record.service,
            event=line.record.event,
            fields=line.record.texts,
            exception=line.record.exception,
        )
        for line in page.lines
    )
    return LogAnswer(lines, page.more)
