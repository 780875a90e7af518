"""Training, and what the user does with models, as services see them."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.ports.store import ModelRecord


class History(Struct, frozen=True):
    """The candles of one instrument, oldest first, as little-endian bytes."""

    instrument: InstrumentId
    timeframe: Timeframe
    open_times: bytes
    """int64, UTC ns, one a candle."""
    columns: Mapping[str, bytes]
    """``open high low close volume trades buy_volume``, float64; nan where not known."""


class TrainingTask(Struct, frozen=True):
    """Everything a training needs."""

    model: str
    """Id of the new model."""
    created_at: int
    histories: tuple[History, ...]
    anchor: str
    """The instrument that all others are related to; empty: none."""
    timeframe: Timeframe
    engines: tuple[str, ...]
    mood: Mood | None = None
    """Of all headlines that were seen; None where there were none."""


class TrainedModel(Struct, frozen=True):
    """A candidate that is in the registry now."""

    model: str
    verdict: str
    better: bool
    """Than the champion, with enough confidence: it may follow it."""
    reason: str
    """Why it is, or is not."""


class Trainer(Protocol):
    """Trains in a process of its own; cancelling ends that process."""

    async def train(self, task: TrainingTask, on_progress: Callable[[str, float], None]) -> TrainedModel:
        """Validate, export and register a candidate.

        on_progress: told what is being done, and which share of all is done. ``FatalError`` where trying again with
        the same task cannot help, ``TransientError`` when the process ended before it was done.
        """
        ...


class ModelKeeper(Protocol):
    """What can be done with the registry of a data folder. It reads and writes the disk: call it in a thread.

    ``UnknownName`` for a model that is not there, ``FatalError`` for one that is refused, ``UsageError`` for what the
    rules forbid.
    """

    def records(self) -> tuple[ModelRecord, ...]:
        """All models, newest first."""
        ...

    def promote(self, model: str, reason: str, *, by_user: bool) -> None:
        """Make it the champion; only the user may change a pinned one."""
        ...

    def pin(self, model: str) -> None:
        """Make it the champion, which nobody but the user changes."""
        ...

    def unpin(self) -> None: ...

    def roll_back(self) -> str:
        """The champion before this one serves again; returns its id."""
        ...

    def report(self, model: str) -> str:
        """Of its training, JSON."""
        ...

    def folder(self, model: str) -> tuple[str, str]:
        """Where it lies, and the seal that its manifest must have."""
        ...
