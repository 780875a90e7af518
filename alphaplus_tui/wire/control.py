"""The questions and answers of the control socket: one JSON line each way."""

from typing import Any, Final, Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Explanation
from alphaplus_tui.domain.coverage import CoverageRow
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.session.commands import Command, Reply
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
    LogPage,
    ModelReport,
    Query,
    SignalsPage,
    TradesPage,
)
from alphaplus_tui.state.slices import (
    ConnectionRow,
    CounterRow,
    DatabaseRow,
    ExchangeRow,
    FeedRow,
    GapRow,
    InferenceRow,
    LatencyRow,
    ModelRow,
    ResourceRow,
    ServiceRow,
    SignalRow,
    SystemRow,
    TrainingRow,
)
from alphaplus_tui.state.view import ONLY, StateView

VERSION: Final = 1
LONGEST_REQUEST: Final = 64 * 1024
LONGEST_ANSWER: Final = 16 * 1024 * 1024
_MOST_GAPS = 1_000
LONGEST_DEADLINE_S: Final = 60.0

A = TypeVar("A")


class Request(Struct, frozen=True):
    """``status``; ``send`` with a command; ``query`` with a query; ``session`` begins a visit (``wire.visit``)."""

    version: int
    ask: Literal["status", "send", "query", "session"]
    command: Command | None = None
    query: AnyQuery | None = None
    deadline_s: float = 5.0
    """For the answer to a query, at most ``LONGEST_DEADLINE_S``."""
    release: str = ""
    """With ``session``: the visitor's release."""
    shape: str = ""
    """With ``session``: the visitor's ``wire.visit.shape()``."""


class Status(Struct, frozen=True, tag="status"):
    """How a running AlphaPlus is."""

    version: int
    pid: int
    monotonic: float
    """The clock that ``running_since`` and ``next_try_at`` of the services are read against."""
    system: SystemRow | None
    services: tuple[ServiceRow, ...]
    feeds: tuple[FeedRow, ...]
    connections: tuple[ConnectionRow, ...]
    gaps: tuple[GapRow, ...]
    """At most 1,000."""
    database: DatabaseRow | None
    resources: ResourceRow | None
    counters: tuple[CounterRow, ...]
    latencies: tuple[LatencyRow, ...]
    """Without their buckets."""
    models: tuple[ModelRow, ...] = ()
    training: TrainingRow | None = None
    inference: InferenceRow | None = None
    exchanges: tuple[ExchangeRow, ...] = ()


class Heard(Struct, frozen=True, tag="heard"):
    """What became of a command."""

    reply: Reply


class Answered(Struct, frozen=True, tag="answered"):
    """The answer to a query, as MessagePack: JSON has no nan."""

    value: bytes


class Welcome(Struct, frozen=True, tag="welcome"):
    """A visit begins: from here on both sides send frames of ``wire.visit``."""

    release: str
    pid: int


class Failure(Struct, frozen=True, tag="failure"):
    """Why there is no answer."""

    reason: str


Answer = Status | Heard | Answered | Welcome | Failure

ANSWERS: dict[type[Query[Any]], Any] = {
    CandlesBetween: tuple[Candle, ...],
    TradesPage: tuple[Trade, ...],
    LogPage: LogAnswer,
    DecisionAt: Decision | None,
    DecisionsPage: tuple[Decision, ...],
    SignalsPage: tuple[SignalRow, ...],
    Explain: Explanation,
    ModelReport: str,
    AlertsPage: tuple[Alert, ...],
    CoverageMap: tuple[CoverageRow, ...],
    CoveragePage: tuple[CoverageRow, ...],
}
"""What each query is answered with."""

_REQUEST = msgspec.json.Decoder(Request)
_ANSWER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_ENCODER = msgspec.json.Encoder()


def decode_request(line: bytes) -> Request:
    """Raises ``msgspec.DecodeError`` for anything else."""
    return _REQUEST.decode(line)


def decode_answer(line: bytes) -> Answer:
    """Raises ``msgspec.DecodeError`` for anything else."""
    return _ANSWER.decode(line)


def encode(frame: Request | Answer) -> bytes:
    """One line, with its end."""
    return _ENCODER.encode(frame) + b"\n"


def pack_answer(value: object) -> Answered:
    return Answered(msgspec.msgpack.encode(value))


def unpack_answer(query: Query[A], answer: Answered) -> A:
    """Raises ``msgspec.DecodeError`` when it is no answer to this query."""
    return cast("A", msgspec.msgpack.decode(answer.value, type=ANSWERS[type(query)]))


def status_of(state: StateView, *, pid: int, monotonic: float) -> Status:
    return Status(
        version=VERSION,
        pid=pid,
        monotonic=monotonic,
        system=state.system.get(ONLY),
        services=tuple(state.services.values()),
        feeds=tuple(state.feeds.values()),
        connections=tuple(state.connections.values()),
        gaps=tuple(state.gaps.values())[:_MOST_GAPS],
        database=state.database.get(ONLY),
        resources=state.resources.get(ONLY),
        counters=tuple(state.counters.values()),
        latencies=tuple(msgspec.structs.replace(row, buckets=()) for row in state.latencies.values()),
        models=tuple(state.models.values()),
        training=state.training.get(ONLY),
        inference=state.inference.get(ONLY),
        exchanges=tuple(state.exchanges.values()),
    )
