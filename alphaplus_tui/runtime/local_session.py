"""A session of this process: its state, its services, its database and its log."""

import asyncio
from pathlib import Path
from typing import TypeVar, cast

from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, StoreUnavailable
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.logs.reader import Filter, read_page
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.session.commands import Accepted, Command, Refused, Reply, RestartService, StartService, StopService
from alphaplus_tui.session.queries import AnyQuery, CandlesBetween, LogAnswer, LogLine, LogPage, Query, TradesPage
from alphaplus_tui.state.view import StateView

A = TypeVar("A")

_STARTING = "AlphaPlus is still starting; try again in a moment"


class LocalSession:
    """What a console, a headless run and the control socket hold on to."""

    def __init__(self, state: StateView, log_file: Path) -> None:
        self.state = state
        self._log_file = log_file
        self._behind: tuple[ServiceManager, StoreReader, MarketClock] | None = None

    def open(self, manager: ServiceManager, reader: StoreReader, market: MarketClock) -> None:
        """Commands and questions are answered from now on."""
        self._behind = manager, reader, market

    async def send(self, command: Command) -> Reply:
        """Carried out before this returns, as far as it does not wait for the outside."""
        if self._behind is None:
            return Refused(_STARTING)
        manager, _, _ = self._behind
        try:
            match command:
                case RestartService(name):
                    await manager.restart(name)
                case StopService(name):
                    await manager.stop_one(name)
                case StartService(name):
                    await manager.start_one(name)
        except AlphaPlusError as error:
            return Refused(str(error))
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
        _, reader, market = self._behind
        # nobody sees a row later than the market's own now, which matters in a replay
        end = min(query.end, market.now() + 1)
        match query:
            case CandlesBetween():
                return await reader.candles(
                    query.instrument, query.timeframe, start=query.start, end=end, limit=query.limit
                )
            case TradesPage():
                return await reader.trades(
                    query.instrument, start=query.start, end=end, limit=query.limit, after_seq=query.after_seq
                )


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
