"""The state as its one writer sees it."""

from typing import TypeVar

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
from alphaplus_tui.state.view import Slice

K = TypeVar("K")
R = TypeVar("R")


class WritableSlice(Slice[K, R]):
    """A slice that can be changed."""

    __slots__ = ()

    def put(self, key: K, row: R) -> None:
        """Set a row; the version grows also when the row is equal to the old one."""
        self.version += 1
        self._rows[key] = row
        self._changed[key] = self.version

    def drop(self, key: K) -> None:
        """Forget a row, if it is there."""
        if key in self._rows:
            self.version += 1
            del self._rows[key], self._changed[key]

    def clear(self) -> None:
        """Forget all rows."""
        for key in list(self._rows):
            self.drop(key)


class StateStore:
    """Everything that can be seen; satisfies ``StateView``."""

    def __init__(self) -> None:
        self.system: WritableSlice[str, SystemRow] = WritableSlice()
        self.instruments: WritableSlice[InstrumentId, InstrumentRow] = WritableSlice()
        self.prices: WritableSlice[InstrumentId, PriceRow] = WritableSlice()
        self.books: WritableSlice[InstrumentId, BookRow] = WritableSlice()
        self.tapes: WritableSlice[InstrumentId, TapeRow] = WritableSlice()
        self.charts: WritableSlice[tuple[InstrumentId, Timeframe], ChartRow] = WritableSlice()
        self.exchanges: WritableSlice[str, ExchangeRow] = WritableSlice()
        self.feeds: WritableSlice[InstrumentId, FeedRow] = WritableSlice()
        self.connections: WritableSlice[str, ConnectionRow] = WritableSlice()
        self.gaps: WritableSlice[tuple[InstrumentId, int], GapRow] = WritableSlice()
        self.services: WritableSlice[str, ServiceRow] = WritableSlice()
        self.latencies: WritableSlice[str, LatencyRow] = WritableSlice()
        self.counters: WritableSlice[str, CounterRow] = WritableSlice()
        self.database: WritableSlice[str, DatabaseRow] = WritableSlice()
        self.resources: WritableSlice[str, ResourceRow] = WritableSlice()
        self.notices: WritableSlice[int, NoticeRow] = WritableSlice()
        self.models: WritableSlice[str, ModelRow] = WritableSlice()
        self.decisions: WritableSlice[InstrumentId, DecisionRow] = WritableSlice()
        self.signals: WritableSlice[str, SignalRow] = WritableSlice()
        self.training: WritableSlice[str, TrainingRow] = WritableSlice()
        self.inference: WritableSlice[str, InferenceRow] = WritableSlice()
        self.scores: WritableSlice[str, ScoreRow] = WritableSlice()
        self.headlines: WritableSlice[str, HeadlineRow] = WritableSlice()
        self.sentiment: WritableSlice[str, SentimentRow] = WritableSlice()
        self.link: WritableSlice[str, LinkRow] = WritableSlice()

    def forget_markets(self) -> None:
        """What is followed changes: nothing of the old instruments stays to be taken for live."""
        for slice_ in (self.instruments, self.prices, self.books, self.tapes, self.charts, self.feeds):
            slice_.clear()
        for slice_ in (self.connections, self.gaps, self.decisions):
            slice_.clear()
