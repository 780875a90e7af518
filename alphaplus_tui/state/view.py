"""Reading the state: slices of frozen rows, each with a version that grows when a row changes."""

from collections.abc import ItemsView, Iterator, ValuesView
from typing import Generic, Protocol, TypeVar

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.state.slices import (
    BookRow,
    ChartRow,
    ConnectionRow,
    CounterRow,
    DatabaseRow,
    DecisionRow,
    ExchangeRow,
    FeedRow,
    GapRow,
    HeadlineRow,
    InferenceRow,
    InstrumentRow,
    LatencyRow,
    LinkRow,
    ModelRow,
    NoticeRow,
    PriceRow,
    ResourceRow,
    ScoreRow,
    SentimentRow,
    ServiceRow,
    SignalRow,
    SystemRow,
    TapeRow,
    TrainingRow,
)

K = TypeVar("K")
R = TypeVar("R")

ONLY = "only"
"""The key of a slice that has one row."""


class Slice(Generic[K, R]):
    """Rows by key, in the order in which they came; read-only outside ``state.store``."""

    __slots__ = ("_changed", "_rows", "version")

    def __init__(self) -> None:
        self._rows: dict[K, R] = {}
        self._changed: dict[K, int] = {}
        self.version = 0
        """Grows with each change of the slice."""

    def get(self, key: K) -> R | None:
        return self._rows.get(key)

    def __getitem__(self, key: K) -> R:
        return self._rows[key]

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def values(self) -> ValuesView[R]:
        return self._rows.values()

    def items(self) -> ItemsView[K, R]:
        return self._rows.items()

    def row_version(self, key: K) -> int:
        """The slice's version when this row last changed; 0 when there is none."""
        return self._changed.get(key, 0)

    def changed_since(self, version: int) -> dict[K, R]:
        """The rows that changed after ``version``; what was dropped since then is not told."""
        if version >= self.version:
            return {}
        return {key: row for key, row in self._rows.items() if self._changed[key] > version}


class StateView(Protocol):
    """Everything that can be seen, never awaited."""

    @property
    def system(self) -> Slice[str, SystemRow]: ...
    @property
    def instruments(self) -> Slice[InstrumentId, InstrumentRow]: ...
    @property
    def prices(self) -> Slice[InstrumentId, PriceRow]: ...
    @property
    def books(self) -> Slice[InstrumentId, BookRow]: ...
    @property
    def tapes(self) -> Slice[InstrumentId, TapeRow]: ...
    @property
    def charts(self) -> Slice[tuple[InstrumentId, Timeframe], ChartRow]: ...
    @property
    def exchanges(self) -> Slice[str, ExchangeRow]: ...
    @property
    def feeds(self) -> Slice[InstrumentId, FeedRow]: ...
    @property
    def connections(self) -> Slice[str, ConnectionRow]: ...
    @property
    def gaps(self) -> Slice[tuple[InstrumentId, int], GapRow]: ...
    @property
    def services(self) -> Slice[str, ServiceRow]: ...
    @property
    def latencies(self) -> Slice[str, LatencyRow]: ...
    @property
    def counters(self) -> Slice[str, CounterRow]: ...
    @property
    def database(self) -> Slice[str, DatabaseRow]: ...
    @property
    def resources(self) -> Slice[str, ResourceRow]: ...
    @property
    def notices(self) -> Slice[int, NoticeRow]: ...
    @property
    def models(self) -> Slice[str, ModelRow]: ...
    @property
    def decisions(self) -> Slice[InstrumentId, DecisionRow]: ...
    @property
    def signals(self) -> Slice[str, SignalRow]: ...
    @property
    def training(self) -> Slice[str, TrainingRow]: ...
    @property
    def inference(self) -> Slice[str, InferenceRow]: ...
    @property
    def scores(self) -> Slice[str, ScoreRow]: ...
    @property
    def headlines(self) -> Slice[str, HeadlineRow]: ...
    @property
    def sentiment(self) -> Slice[str, SentimentRow]: ...
    @property
    def link(self) -> Slice[str, LinkRow]: ...
