"""A session without an engine: a state that tests write, and answers that tests give."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision
from alphaplus_tui.domain.coverage import CoverageRow
from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.session.commands import Accepted, Command, Refused, Reply
from alphaplus_tui.session.queries import (
    AlertsPage,
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
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.state.store import StateStore
from tests.fakes.demo_rows import MARKET, NOW, candles_before, coverage_rows, fill, log_lines
from tests.fakes.opinion_rows import CLOSED, SPAN, decision, explanation, fill_opinions, history, report

A = TypeVar("A")

_BASES = tuple(base for base, _, _, _ in MARKET)
_LEVELS = ("debug", "info", "warning", "error", "critical")


def _newest(found: list[A], place: Callable[[A], tuple[int, str]], before: int | None) -> list[A]:
    """Those before a time, the newest first, those of one time in the order of their ids."""
    kept = [one for one in found if before is None or place(one)[0] < before]
    return sorted(kept, key=lambda one: (-place(one)[0], place(one)[1]))


class FrozenClock:
    """Stands still until a test moves it."""

    def __init__(self, now_ns: int = NOW, monotonic_s: float = 1000.0) -> None:
        self.now_ns, self.monotonic_s = now_ns, monotonic_s

    def time_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.monotonic_s

    def forward(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)
        self.monotonic_s += seconds


class FakeSession:
    """Satisfies ``Session``; remembers what was sent and asked."""

    def __init__(self, *, seeded: bool = True) -> None:
        self.store = StateStore()
        self.sent: list[Command] = []
        self.asked: list[Query[object]] = []
        self.reports: dict[str, str] = {}
        """Reports other than the usual one, by model."""
        self.refuse = ""
        """Why every wish is refused, when it is not empty."""
        self.unknown = False
        """Whether it is refused because it names something that is not known."""
        self.store_away = ""
        """Why no question is answered, when it is not empty."""
        self.hold: asyncio.Event | None = None
        """What every answer waits for."""
        self.coverage_rows: tuple[CoverageRow, ...] | None = None
        """The ledger, when it is another than the usual one."""
        self.trades: tuple[Trade, ...] = ()
        """What is stored of them."""
        self.alerts: tuple[Alert, ...] = ()
        self.log: list[LogLine] = log_lines() if seeded else []
        if seeded:
            fill(self.store)
            fill_opinions(self.store)

    @property
    def state(self) -> StateStore:
        return self.store

    async def send(self, command: Command) -> Reply:
        self.sent.append(command)
        return Refused(self.refuse, unknown=self.unknown) if self.refuse else Accepted()

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        self.asked.append(cast("Query[object]", query))
        if self.hold is not None:
            await self.hold.wait()
        if self.store_away:
            raise StoreUnavailable(self.store_away)
        return cast("A", self._answer(query))

    def _answer(self, query: object) -> object:
        match query:
            case CandlesBetween():
                return candles_before(query)
            case TradesPage():
                return self._trades_page(query)
            case LogPage():
                return self._log_page(query)
            case DecisionAt():
                return self._decision_at(query)
            case DecisionsPage():
                return self._decisions_page(query)
            case SignalsPage():
                return self._signals_page(query)
            case AlertsPage():
                return self._alerts_page(query)
            case Explain():
                return explanation(self._known(query.decision))
            case CoverageMap():
                if self.coverage_rows is not None:
                    return self.coverage_rows
                return tuple(row for row in coverage_rows() if query.instrument in {"", row.instrument})
            case CoveragePage():
                return self._coverage_page(query)
            case ModelReport():
                return self.reports.get(query.model) or report(query.model)
            case _:
                raise AssertionError(query)

    def _decision_at(self, query: DecisionAt) -> Decision | None:
        base = symbol_of(query.instrument).partition("/")[0]
        opens = CLOSED - -(-max(0, CLOSED + SPAN - query.ts) // SPAN) * SPAN
        price = next((price for name, price, _, _ in MARKET if name == base), None)
        return None if price is None else decision(base, price, opens)

    def _coverage_page(self, query: CoveragePage) -> tuple[CoverageRow, ...]:
        rows = coverage_rows() if self.coverage_rows is None else self.coverage_rows
        found = [row for row in rows if query.instrument in {"", row.instrument}]
        begin = 0 if query.after is None else [row.place for row in found].index(query.after) + 1
        return tuple(found[begin : begin + query.limit])

    def _trades_page(self, query: TradesPage) -> tuple[Trade, ...]:
        stored = sorted(self.trades, key=lambda trade: (trade.ts_event // 1_000_000, trade.seq))
        found = [trade for trade in stored if trade.instrument == query.instrument]
        found = [trade for trade in found if query.start <= trade.ts_event < query.end]
        return tuple(trade for trade in found if query.after_seq is None or trade.seq > query.after_seq)[: query.limit]

    def _decisions_page(self, query: DecisionsPage) -> tuple[Decision, ...]:
        bases = [symbol_of(InstrumentId(query.instrument)).partition("/")[0]] if query.instrument else _BASES
        found = [one for base in bases for one in history(base) if query.gate in {"", one.gate or "passed"}]
        return tuple(_newest(found, lambda one: (one.decided_at, one.id), query.before)[: query.limit])

    def _signals_page(self, query: SignalsPage) -> tuple[SignalRow, ...]:
        found = [row for row in self.store.signals.values() if query.instrument in {"", row.signal.instrument}]
        return tuple(_newest(found, lambda row: (row.signal.made_at, row.signal.id), query.before)[: query.limit])

    def _alerts_page(self, query: AlertsPage) -> tuple[Alert, ...]:
        found = [one for one in self.alerts if query.instrument in {"", one.instrument or ""}]
        found = [one for one in found if one.raised_at >= query.since]
        return tuple(_newest(found, lambda one: (one.raised_at, one.id), query.before)[: query.limit])

    def _known(self, wanted: str) -> Decision:
        newest = [row.decision for row in self.store.decisions.values() if row.decision.id == wanted]
        if newest:
            return newest[0]
        base, _, seconds = wanted.partition("/USDT-")
        price = next(price for name, price, _, _ in MARKET if name == base)
        return decision(base, price, int(seconds) * SECOND_NS)

    def _log_page(self, query: LogPage) -> LogAnswer:
        wanted = [
            line
            for line in self.log
            if _LEVELS.index(line.level) >= _LEVELS.index(query.min_level)
            and query.service in {"", line.service}
            and query.search.casefold() in f"{line.event} {line.service} {line.fields} {line.exception}".casefold()
        ]
        if query.after is not None:
            later = [line for line in wanted if int(line.cursor) > int(query.after)]
            return LogAnswer(tuple(later[: query.limit]), more=len(later) > query.limit)
        if query.before is not None:
            wanted = [line for line in wanted if int(line.cursor) < int(query.before)]
        return LogAnswer(tuple(wanted[-query.limit :]), more=len(wanted) > query.limit)
