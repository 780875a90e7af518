"""The questions and answers of the control socket: one JSON line each way."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from alphaplus_tui.state.slices import (
    ConnectionRow,
    CounterRow,
    DatabaseRow,
    FeedRow,
    GapRow,
    LatencyRow,
    ResourceRow,
    ServiceRow,
    SystemRow,
)
from alphaplus_tui.state.view import ONLY, StateView

VERSION: Final = 1
LONGEST_REQUEST: Final = 64 * 1024
LONGEST_ANSWER: Final = 16 * 1024 * 1024
_MOST_GAPS = 1_000


class Request(Struct, frozen=True):
    version: int
    ask: Literal["status"]


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


class Failure(Struct, frozen=True, tag="failure"):
    """Why there is no answer."""

    reason: str


Answer = Status | Failure

_REQUEST = msgspec.json.Decoder(Request)
_ANSWER: msgspec.json.Decoder[Status | Failure] = msgspec.json.Decoder(Status | Failure)
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
    )
