"""The models that serve, and the shelf they come from, as services see them."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.analysis import Explanation, Mood, Prediction, Role
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe

COLUMNS = ("open", "high", "low", "close", "volume", "trades", "buy_volume")
"""Of a window, in this order."""


class Window(Struct, frozen=True):
    """The last candles of one instrument, oldest first, as little-endian bytes."""

    instrument: InstrumentId
    timeframe: Timeframe
    open_times: bytes
    """int64, UTC ns, one a candle."""
    values: bytes
    """float64, shape (len(COLUMNS), candles); nan where not known."""
    revision: int
    """Of the last candle."""
    anchor: int = -1
    """Number of the anchor's window in the batch; -1: none."""
    forming: bool = False
    """The last candle is still forming."""


class WindowBatch(Struct, frozen=True):
    """Windows that are judged together, and those that they are related to."""

    windows: tuple[Window, ...]
    anchors: tuple[Window, ...] = ()
    alone: bool = False
    """Each window is computed for itself, which is slower, and gives the same to the last bit in any company."""
    mood: Mood | None = None
    """Of the headlines that were seen while the windows lasted; None where nobody listens to news."""


class ServedModel(Struct, frozen=True):
    """What an answer must know of the model that gave it."""

    role: Role
    model: str
    timeframe: Timeframe
    edge: bool
    none_change: float
    horizon: int


class Opinions(Struct, frozen=True):
    """What one model says to a batch."""

    served: ServedModel
    predictions: tuple[Prediction, ...]
    """One for each window, in their order."""


class ServerStatus(Struct, frozen=True):
    """How the serving process is."""

    running: bool
    pid: int
    restarts: int
    reason: str
    """Why it does not run, or ran into trouble last."""


class ModelServer(Protocol):
    """Serves at most one model in each role, outside of this process."""

    @property
    def status(self) -> ServerStatus: ...

    async def run(self, on_change: Callable[[ServerStatus], None]) -> None:
        """Keep it running until cancelled; a crash is a respawn, after which everything unanswered is asked again."""
        ...

    async def load(self, role: Role, folder: str, seal: str) -> ServedModel:
        """Serve the model of a folder from now on; FatalError when it is refused, and the old one serves on."""
        ...

    async def unload(self, role: Role) -> None:
        """Serve nothing in this role."""
        ...

    async def predict(self, batch: WindowBatch, *, deadline_s: float | None) -> tuple[Opinions, ...]:
        """Of every role that is served, champion first.

        A process that has not answered by the deadline is replaced and asked again; ``DeadlineExceeded`` when the
        third does not answer either, ``TransientError`` when it ended three times over this batch.
        """
        ...


class ModelExplainer(Protocol):
    """Says which features moved an opinion; slow, in a process of its own."""

    async def explain(self, folder: str, seal: str, row: Sequence[float]) -> Explanation:
        """Of one served row; FatalError when the model is refused, TransientError when there is no answer."""
        ...


class Profile(Struct, frozen=True):
    """How a feature was spread over the training rows."""

    feature: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    low: float
    high: float
    clock: bool


class ShelfModel(Struct, frozen=True):
    """A model of the registry."""

    id: str
    stage: str
    pinned: bool
    serves: Role | None
    """The role that it should be served in, also when it cannot be."""
    added_at: int
    changed_at: int
    reason: str
    folder: str
    seal: str
    timeframe: Timeframe = Timeframe("5m")
    engines: tuple[str, ...] = ()
    edge: bool = False
    verdict: str = ""
    trained_until: int = 0
    metrics: dict[str, float] = {}
    profiles: tuple[Profile, ...] = ()
    trouble: str = ""
    """Why it cannot be opened."""


class DayDifference(Struct, frozen=True):
    """Sum over the paired rows of one day of a candidate's log loss less the champion's."""

    day: int
    rows: int
    sum: float


class ModelShelf(Protocol):
    """The registry of a data folder. Its methods read the disk: call them in a thread."""

    def models(self) -> tuple[ShelfModel, ...]:
        """All of them, newest first; FatalError when the index cannot be read."""
        ...

    def consider(self, candidate: str, days: Sequence[DayDifference]) -> tuple[bool, str]:
        """Promote a candidate that is better with enough confidence; whether it was, and why (not)."""
        ...
