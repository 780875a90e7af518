"""The report of a training as this console reads it: what it does not show, it does not ask for."""

import msgspec
from msgspec import Struct, field


class Scores(Struct, frozen=True):
    """How well probabilities did on rows they were not fitted on."""

    rows: int = 0
    log_loss: float | None = None
    baseline: float | None = None
    momentum: float | None = None
    gain_pct: float | None = None
    brier: float | None = None
    ece: float | None = None
    auc_direction: float | None = None


class Fold(Struct, frozen=True):
    tested_from: int
    tested_until: int
    trained_rows: int = 0
    scores: dict[str, Scores] = field(default_factory=dict)


class Point(Struct, frozen=True):
    """Rows that were promised about the same, and how often it came true."""

    promised: float | None
    happened: float | None
    rows: int = 0


class Estimate(Struct, frozen=True):
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0


class Signals(Struct, frozen=True):
    value: Estimate = Estimate()
    hits: int = 0


class Report(Struct, frozen=True):
    """Part of ``learning.report.Report``."""

    verdict: str
    rows: int = 0
    folds: tuple[Fold, ...] = ()
    pooled: dict[str, Scores] = field(default_factory=dict)
    reliability: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    signals: Signals = Signals()
    holdout: dict[str, Scores] = field(default_factory=dict)
    holdout_signals: Signals = Signals()
    importance: dict[str, float | None] = field(default_factory=dict)
    missing_engines: dict[str, str] = field(default_factory=dict)


ENSEMBLE = "ensemble"


def read_report(text: str) -> Report | str:
    """The report in ``text``, or why it cannot be read."""
    try:
        return msgspec.json.decode(text, type=Report)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError) as error:
        return f"the report cannot be read: {error}"
