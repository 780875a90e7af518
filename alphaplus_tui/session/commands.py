"""Wishes a visitor may send, and what it hears back."""

from msgspec import Struct


class RestartService(Struct, frozen=True, tag=True):
    name: str


class StopService(Struct, frozen=True, tag=True):
    name: str


class StartService(Struct, frozen=True, tag=True):
    name: str


Command = RestartService | StopService | StartService


class Accepted(Struct, frozen=True, tag=True):
    """The wish will be carried out; its effect shows in the state."""


class Refused(Struct, frozen=True, tag=True):
    """The wish will not be carried out."""

    reason: str


Reply = Accepted | Refused
