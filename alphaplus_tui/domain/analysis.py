"""What models think, what the gates said to it, and what became of it."""

from enum import StrEnum

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns


class Direction(StrEnum):
    """Of an opinion."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class Probabilities(Struct, frozen=True, gc=False):
    """Which barrier comes first within the horizon."""

    down: float
    none: float
    up: float


class EngineOpinion(Struct, frozen=True):
    """One engine's calibrated probabilities."""

    engine: str
    probabilities: Probabilities


class Prediction(Struct, frozen=True):
    """What one model says of the window that ends with one candle."""

    instrument: InstrumentId
    timeframe: Timeframe
    open_time: int
    """Of the window's last candle, UTC ns."""
    candle_revision: int
    """Of that candle when it was judged."""
    model: str
    probabilities: Probabilities | None
    """The ensemble's; None where a feature was absent, so that the model was not asked."""
    engines: tuple[EngineOpinion, ...]
    features: tuple[float, ...]
    """The served row, float32, in the order of the model's features; nan: absent."""
    absent: tuple[str, ...]
    out_of_range: tuple[str, ...]
    distance: float
    """Logarithm of barrier over close; nan where there is no volatility yet."""
    entry: float
    """Close of the window's last candle."""
    forming: bool = False
    """Made while the candle was still forming: a preview, never stored, never a signal."""

    @property
    def close_time(self) -> int:
        """Of the window's last candle, UTC ns."""
        return self.open_time + duration_ns(self.timeframe)


class Role(StrEnum):
    """In which a model judged."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    """In the shadow: its decisions are scored and never become signals."""


class Decision(Struct, frozen=True):
    """What the gates said to a prediction; stored for every closed candle."""

    id: str
    """From instrument, timeframe, candle and model: judging the same again gives the same id."""
    role: Role
    prediction: Prediction
    decided_at: int
    """On the market's clock, UTC ns."""
    direction: Direction
    """FLAT unless every gate was passed."""
    gate: str
    """The gate that held back; empty when none did."""
    reason: str
    passed: tuple[str, ...]
    lean: Direction
    """The side of the larger expected value."""
    expected_value_bps: float | None
    """Of that side, after fees; None without probabilities."""
    agreement: float | None
    spread_bps: float
    target: float | None
    stop: float | None
    expires_at: int
    """Close of the last candle of the horizon, UTC ns."""
    as_of: bool = False
    """Judged at the start on the last candle of the backfilled history."""

    @property
    def signalled(self) -> bool:
        """It became a signal."""
        return not self.gate and not self.as_of and self.role is Role.CHAMPION


class Contribution(Struct, frozen=True, gc=False):
    """How much one feature moved the margin of UP over DOWN; the value is the served one."""

    feature: str
    value: float
    share: float


class Explanation(Struct, frozen=True):
    """Why a model said what it said."""

    method: str
    """``treeshap``, or ``median replacement`` where only ONNX exists."""
    base: float
    margin: float
    """base + the sum of the contributions, up to 1e-5 for treeshap."""
    contributions: tuple[Contribution, ...]
    """Largest first, by size."""


class Signal(Struct, frozen=True):
    """An actionable opinion: a champion's decision that passed every gate."""

    id: str
    """The decision's."""
    instrument: InstrumentId
    timeframe: Timeframe
    model: str
    direction: Direction
    probabilities: Probabilities
    expected_value_bps: float
    entry: float
    target: float
    stop: float
    made_at: int
    expires_at: int
    moved_by: tuple[Contribution, ...] = ()
    """The features that moved it most; filled in when they are known."""


class Result(StrEnum):
    """How a signal ended."""

    TARGET = "target"
    STOP = "stop"
    HORIZON = "horizon"


class Outcome(Struct, frozen=True):
    """What became of a decision's barriers; for signals, and for the shadow's opinions alike."""

    id: str
    """The decision's."""
    result: Result
    resolved_at: int
    exit_price: float
    result_bps: float
    """After fees and spread, for the decision's lean."""
    touched: str
    """``up``, ``down`` or ``none``: what the probabilities are scored against."""
    brier: float
    """Sum over the three classes, 0 to 2."""


class Score(Struct, frozen=True):
    """A line of the scoreboard, each figure with its 95 % interval where there are enough."""

    model: str
    instrument: str
    """Empty: all."""
    direction: str
    """Empty: both."""
    signals: int
    resolved: int
    hits: int
    hit_low: float | None
    hit_high: float | None
    mean_bps: float | None
    mean_low: float | None
    mean_high: float | None
    brier: float | None
    brier_low: float | None
    brier_high: float | None


class Headline(Struct, frozen=True):
    """A published item with its sentiment; its text is cleaned."""

    id: str
    source: str
    title: str
    url: str
    published_at: int
    """UTC ns; never later than when we first saw it."""
    seen_at: int
    score: float
    """-1 (bad) to 1 (good)."""
    symbols: tuple[str, ...]
    """Bases it speaks of, such as BTC."""


class Mood(Struct, frozen=True):
    """The scores of headlines in the order in which they became known."""

    seen_at: tuple[int, ...]
    """UTC ns."""
    scores: tuple[float, ...]
    since: int
    """When the first of all was seen: of earlier times nothing is known."""


class TrainingRun(Struct, frozen=True):
    """A training and how it ended; written when it begins and again when it ends."""

    id: str
    state: str
    """running, done, failed or cancelled."""
    asked_by: str
    """user, schedule, drift or brier."""
    timeframe: str
    instruments: tuple[str, ...]
    engines: tuple[str, ...]
    started_at: int
    ended_at: int | None = None
    model: str = ""
    verdict: str = ""
    reason: str = ""
