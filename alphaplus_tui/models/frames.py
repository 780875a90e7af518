"""What the console and the inference process say to each other: length and msgpack, over pipes."""

import msgspec
from msgspec import Struct

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.ports.model import Opinions, ServedModel, WindowBatch

LENGTH = 4
"""Bytes of a frame's length, big-endian."""
LARGEST = 256 * 2**20


class Load(Struct, frozen=True, tag=True):
    number: int
    role: Role
    folder: str
    seal: str


class Unload(Struct, frozen=True, tag=True):
    number: int
    role: Role


class Ask(Struct, frozen=True, tag=True):
    number: int
    batch: WindowBatch


Request = Load | Unload | Ask


class Hello(Struct, frozen=True, tag=True):
    """Everything is imported."""


class Loaded(Struct, frozen=True, tag=True):
    number: int
    served: ServedModel


class Unloaded(Struct, frozen=True, tag=True):
    number: int


class Answered(Struct, frozen=True, tag=True):
    number: int
    opinions: tuple[Opinions, ...]


class Declined(Struct, frozen=True, tag=True):
    """It cannot be done, however often it is asked."""

    number: int
    reason: str


Reply = Hello | Loaded | Unloaded | Answered | Declined


def frame(message: Request | Reply) -> bytes:
    content = msgspec.msgpack.encode(message)
    return len(content).to_bytes(LENGTH, "big") + content
