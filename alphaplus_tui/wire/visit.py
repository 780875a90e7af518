"""The frames of a visit: what a visitor and an AlphaPlus say once they have met on the control socket or the API."""

from functools import cache
from typing import Final

import msgspec
from msgspec import Struct

from alphaplus_tui.session.commands import Command, Reply
from alphaplus_tui.session.queries import AnyQuery
from alphaplus_tui.wire.control import ANSWERS
from alphaplus_tui.wire.rows import CHANGES, shape_of

LONGEST_FRAME: Final = 16 * 1024 * 1024


class Wish(Struct, frozen=True, tag="wish"):
    number: int
    """The visitor's own, told with the reply."""
    command: Command


class Question(Struct, frozen=True, tag="question"):
    number: int
    query: AnyQuery
    deadline_s: float


class Forget(Struct, frozen=True, tag="forget"):
    """Nobody waits for the answer to this question any more."""

    number: int


VisitorFrame = Wish | Question | Forget


class Update(Struct, frozen=True, tag="update"):
    """What is new in the state, sent at least once a second; ``slices`` are encoded as ``CHANGES`` says."""

    whole: bool
    """Whether everything was told; not yet so in the first frames of a visit."""
    wall_ns: int
    """The engine's wall clock, UTC ns."""
    monotonic_ns: int
    """The engine's monotonic clock."""
    slices: dict[str, msgspec.Raw] = {}


class Told(Struct, frozen=True, tag="told"):
    """What became of a wish."""

    number: int
    reply: Reply


class Answer(Struct, frozen=True, tag="answer"):
    """The answer to a question, encoded as ``control.ANSWERS`` says."""

    number: int
    value: msgspec.Raw


class NoAnswer(Struct, frozen=True, tag="no_answer"):
    """Why there is none."""

    number: int
    error: str
    """The name of the error's class."""
    reason: str


EngineFrame = Update | Told | Answer | NoAnswer

_ENCODER = msgspec.msgpack.Encoder()
_VISITOR: msgspec.msgpack.Decoder[VisitorFrame] = msgspec.msgpack.Decoder(VisitorFrame)
_ENGINE: msgspec.msgpack.Decoder[EngineFrame] = msgspec.msgpack.Decoder(EngineFrame)


def encode_frame(frame: VisitorFrame | EngineFrame) -> bytes:
    return _ENCODER.encode(frame)


def encode_value(value: object) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(value))


def decode_visitor(frame: bytes) -> VisitorFrame:
    """Raises ``msgspec.DecodeError`` for anything else."""
    return _VISITOR.decode(frame)


def decode_engine(frame: bytes) -> EngineFrame:
    """Raises ``msgspec.DecodeError`` for anything else."""
    return _ENGINE.decode(frame)


@cache
def shape() -> str:
    """A mark of everything that travels in a visit: two releases can talk when it is the same."""
    return shape_of(VisitorFrame, EngineFrame, *CHANGES.values(), *ANSWERS.values())
