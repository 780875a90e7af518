"""What a training found, in numbers and in one sentence."""

from msgspec import Struct

from alphaplus_tui.models.promotion import Promotion
from alphaplus_tui.statistics.calibration import ReliabilityPoint
from alphaplus_tui.statistics.intervals import Estimate


class Scores(Struct, frozen=True):
    """How well probabilities did on rows they were not fitted on. Losses in nats per row."""

    rows: int
    log_loss: float
    baseline: float
    """Log loss of class frequencies of the training rows."""
    momentum: float
    """Log loss of class frequencies given the last settled outcome of the instrument."""
    gain_pct: float
    """What of the baseline's log loss is gained."""
    brier: float
    ece: float
    """Class-wise expected calibration error, 15 bins of equal count."""
    auc_down: float
    auc_none: float
    auc_up: float
    auc_direction: float
    """UP against DOWN among the rows where one of them came: 0.5 knows nothing of the direction."""
    gain_volatility: float
    """The part of the gain (nats per row) from telling whether a barrier is touched at all."""
    gain_direction: float
    """The part of the gain (nats per row) from telling which one."""


class FoldReport(Struct, frozen=True):
    trained_until: int
    """When the last training label ended, UTC ns."""
    tested_from: int
    tested_until: int
    trained_rows: int
    rounds: dict[str, int]
    """Trees per class by engine."""
    scores: dict[str, Scores]
    """By engine, and ``ensemble``."""


class SignalReport(Struct, frozen=True):
    """What the gated predictions came to after fees."""

    value: Estimate
    """Mean result in bps per signal, with the interval of a bootstrap over days, all instruments together."""
    long: int
    short: int
    hits: int
    """Signals whose target came first."""
    expected_bps: float | None
    """Mean of what was promised."""

    @property
    def edge(self) -> bool:
        low = self.value.low
        return self.value.rows >= LEAST_SIGNALS and low is not None and low > 0


LEAST_SIGNALS = 30
"""Fewer signals than this prove nothing."""


class Report(Struct, frozen=True):
    """The whole of it; ``report.json`` of an artefact."""

    verdict: str
    edge: bool
    timeframe: str
    instruments: tuple[str, ...]
    engines: tuple[str, ...]
    missing_engines: dict[str, str]
    """Engines whose library is not installed, and how to install it."""
    features: tuple[str, ...]
    absent_features: tuple[str, ...]
    rows: int
    class_shares: tuple[float, ...]
    folds: tuple[FoldReport, ...]
    pooled: dict[str, Scores]
    """Over all folds; AUCs are their means."""
    reliability: dict[str, tuple[ReliabilityPoint, ...]]
    """Of the ensemble over all folds, by class: down, none, up."""
    signals: SignalReport
    holdout: dict[str, Scores]
    holdout_signals: SignalReport
    promotion: Promotion
    """Against the champion, or class frequencies where there is none, on hold-out rows that neither was trained on."""
    importance: dict[str, float]
    """Share of the gain by feature, averaged over the engines, largest first."""
    seconds: float
    peak_memory_mb: float


def verdict(signals: SignalReport, pooled: Scores) -> str:
    """One sentence on the value after fees, one on what is predicted at all."""
    value = signals.value
    told = (
        f"volatility: {pooled.gain_volatility / pooled.baseline:+.1%} of log loss, "
        f"direction: {pooled.gain_direction / pooled.baseline:+.1%}, AUC {pooled.auc_direction:.3f}"
    )
    if value.mean is None:
        return f"no edge found: no prediction was worth its fees ({told})"
    interval = "" if value.low is None or value.high is None else f"95 % interval [{value.low:.1f}, {value.high:.1f}], "
    found = "edge" if signals.edge else "no edge found"
    return f"{found}: {value.mean:+.1f} bps per signal, {interval}{value.rows} signals ({told})"
