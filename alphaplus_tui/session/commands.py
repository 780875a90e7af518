"""Wishes a visitor may send, and what it hears back."""

from msgspec import Struct


class RestartService(Struct, frozen=True, tag=True):
    name: str


class StopService(Struct, frozen=True, tag=True):
    name: str


class StartService(Struct, frozen=True, tag=True):
    name: str


class Train(Struct, frozen=True, tag=True):
    """Train a candidate on stored history; empty fields are taken from the settings."""

    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    engines: tuple[str, ...] = ()


class CancelTraining(Struct, frozen=True, tag=True):
    pass


class PromoteModel(Struct, frozen=True, tag=True):
    model: str


class PinModel(Struct, frozen=True, tag=True):
    """Make it the champion, which nobody but the user changes."""

    model: str


class UnpinModel(Struct, frozen=True, tag=True):
    pass


class RollBackModel(Struct, frozen=True, tag=True):
    """The champion before this one serves again."""


class NoticeModel(Struct, frozen=True, tag=True):
    """A short command put this model into the registry."""

    model: str


Command = (
    RestartService
    | StopService
    | StartService
    | Train
    | CancelTraining
    | PromoteModel
    | PinModel
    | UnpinModel
    | RollBackModel
    | NoticeModel
)


class Accepted(Struct, frozen=True, tag=True):
    """The wish will be carried out; its effect shows in the state."""


class Refused(Struct, frozen=True, tag=True):
    """The wish will not be carried out."""

    reason: str
    unknown: bool = False
    """It names something that is not known: wrong at any time, not only now."""


Reply = Accepted | Refused
