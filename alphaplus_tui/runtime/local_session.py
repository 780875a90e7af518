"""A session of this process: its state, its services, its database and its log."""

import asyncio
from pathlib import Path
from typing import TypeVar, cast

from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.logs.reader import Filter, read_page
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.session.commands import Accepted, Command, Refused, Reply, RestartService, StartService, StopService
from alphaplus_tui.session.queries import AnyQuery, CandlesBetween, LogAnswer, LogLine, LogPage, Query, TradesPage
from alphaplus_tui.state.view import StateView

A = TypeVar("A")


class LocalSession:
    """What a console, a headless run and the control socket hold on to."""

    def __init__(
        self, state: StateView, manager: ServiceManager, reader: StoreReader, log_file: Path, market: MarketClock
    ) -> None:
        self.state = state
        self._manager, self._reader, self._log_file, self._market = manager, reader, log_file, market

    async def send(self, command: Command) -> Reply:
        """Carried out before this returns, as far as it does not wait for the outside."""
        try:
            match command:
                case RestartService(name):
                    await self._manager.restart(name)
                case StopService(name):
                    await self._manager.stop_one(name)
                case StartService(name):
                    await self._manager.start_one(name)
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
        # nobody sees a row later than the market's own now, which matters in a replay
        match query:
            case CandlesBetween():
                end = min(query.end, self._market.now())
                return await self._reader.candles(
                    query.instrument, query.timeframe, start=query.start, end=end, limit=query.limit
                )
            case TradesPage():
                end = min(query.end, self._market.now() + 1)
                return await self._reader.trades(
                    query.instrument, start=query.start, end=end, limit=query.limit, after_seq=query.after_seq
                )
            case LogPage():
                return await asyncio.to_thread(_log_page, self._log_file, query)


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
