"""What predictions, decisions, signals and alerts look like."""

from typing import Self

from alphaplus_tui.api.schemas.common import Instant, Part, finite, moment
from alphaplus_tui.domain import analysis
from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.domain.instrument import exchange_of, symbol_of


class Probabilities(Part):
    """Which barrier comes first within the horizon."""

    down: float
    none: float
    up: float

    @classmethod
    def of(cls, given: analysis.Probabilities) -> Self:
        return cls(down=given.down, none=given.none, up=given.up)


class EngineOpinion(Part):
    engine: str
    probabilities: Probabilities


class PredictionAnswer(Part):
    """What one model said of the window that ends with one candle."""

    id: str
    """The decision's that was made of it."""
    exchange: str
    symbol: str
    timeframe: str
    open_time: Instant
    """Of the window's last candle."""
    candle_revision: int
    model: str
    role: analysis.Role
    probabilities: Probabilities | None
    """The ensemble's; null where a feature was absent."""
    engines: list[EngineOpinion]
    absent: list[str]
    out_of_range: list[str]
    distance: float | None
    """Logarithm of barrier over close."""
    entry: float

    @classmethod
    def of(cls, made: analysis.Decision) -> Self:
        said = made.prediction
        return cls(
            id=made.id,
            exchange=exchange_of(said.instrument),
            symbol=symbol_of(said.instrument),
            timeframe=said.timeframe,
            open_time=iso_time(said.open_time),
            candle_revision=said.candle_revision,
            model=said.model,
            role=made.role,
            probabilities=None if said.probabilities is None else Probabilities.of(said.probabilities),
            engines=[
                EngineOpinion(engine=one.engine, probabilities=Probabilities.of(one.probabilities))
                for one in said.engines
            ],
            absent=list(said.absent),
            out_of_range=list(said.out_of_range),
            distance=finite(said.distance),
            entry=said.entry,
        )


class DecisionAnswer(Part):
    """What the gates said to a prediction."""

    id: str
    exchange: str
    symbol: str
    timeframe: str
    open_time: Instant
    model: str
    role: analysis.Role
    decided_at: Instant
    direction: analysis.Direction
    """flat unless every gate was passed."""
    gate: str
    """The gate that held back; empty when none did."""
    reason: str
    passed: list[str]
    lean: analysis.Direction
    expected_value_bps: float | None
    agreement: float | None
    spread_bps: float
    entry: float
    target: float | None
    stop: float | None
    expires_at: Instant
    as_of: bool
    """Judged at the start on the last candle of the backfilled history."""
    probabilities: Probabilities | None

    @classmethod
    def of(cls, made: analysis.Decision) -> Self:
        said = made.prediction
        return cls(
            id=made.id,
            exchange=exchange_of(said.instrument),
            symbol=symbol_of(said.instrument),
            timeframe=said.timeframe,
            open_time=iso_time(said.open_time),
            model=said.model,
            role=made.role,
            decided_at=iso_time(made.decided_at),
            direction=made.direction,
            gate=made.gate,
            reason=made.reason,
            passed=list(made.passed),
            lean=made.lean,
            expected_value_bps=finite(made.expected_value_bps),
            agreement=finite(made.agreement),
            spread_bps=made.spread_bps,
            entry=said.entry,
            target=finite(made.target),
            stop=finite(made.stop),
            expires_at=iso_time(made.expires_at),
            as_of=made.as_of,
            probabilities=None if said.probabilities is None else Probabilities.of(said.probabilities),
        )


class Contribution(Part):
    feature: str
    value: float | None
    share: float


class OutcomeAnswer(Part):
    """What became of it."""

    result: analysis.Result
    resolved_at: Instant
    exit_price: float
    result_bps: float
    """After fees and spread."""


class SignalAnswer(Part):
    """An actionable opinion, and what became of it."""

    id: str
    exchange: str
    symbol: str
    timeframe: str
    model: str
    direction: analysis.Direction
    probabilities: Probabilities
    expected_value_bps: float
    entry: float
    target: float
    stop: float
    made_at: Instant
    expires_at: Instant
    moved_by: list[Contribution]
    outcome: OutcomeAnswer | None

    @classmethod
    def of(cls, made: analysis.Signal, outcome: analysis.Outcome | None) -> Self:
        return cls(
            id=made.id,
            exchange=exchange_of(made.instrument),
            symbol=symbol_of(made.instrument),
            timeframe=made.timeframe,
            model=made.model,
            direction=made.direction,
            probabilities=Probabilities.of(made.probabilities),
            expected_value_bps=made.expected_value_bps,
            entry=made.entry,
            target=made.target,
            stop=made.stop,
            made_at=iso_time(made.made_at),
            expires_at=iso_time(made.expires_at),
            moved_by=[
                Contribution(feature=one.feature, value=finite(one.value), share=one.share) for one in made.moved_by
            ],
            outcome=None if outcome is None else _outcome(outcome),
        )


class DeliveryAnswer(Part):
    """What became of an alert on its way to one channel."""

    channel: str
    state: str
    tries: int
    reason: str


class AlertAnswer(Part):
    """Something that one of the user's rules found."""

    id: str
    rule: str
    kind: str
    severity: str
    exchange: str | None
    symbol: str | None
    subject: str
    title: str
    text: str
    raised_at: Instant
    resolved_at: Instant | None
    quiet: bool
    """It fell into the quiet hours and was told to no channel."""
    deliveries: list[DeliveryAnswer]

    @classmethod
    def of(cls, alert: Alert) -> Self:
        instrument = alert.instrument
        return cls(
            id=alert.id,
            rule=alert.rule,
            kind=alert.kind,
            severity=alert.severity,
            exchange=exchange_of(instrument) if instrument else None,
            symbol=symbol_of(instrument) if instrument else None,
            subject=alert.subject,
            title=alert.title,
            text=alert.text,
            raised_at=iso_time(alert.raised_at),
            resolved_at=moment(alert.resolved_at),
            quiet=alert.quiet,
            deliveries=[
                DeliveryAnswer(channel=one.channel, state=one.state, tries=one.tries, reason=one.reason)
                for one in alert.deliveries
            ],
        )


def _outcome(outcome: analysis.Outcome) -> OutcomeAnswer:
    return OutcomeAnswer(
        result=outcome.result,
        resolved_at=iso_time(outcome.resolved_at),
        exit_price=outcome.exit_price,
        result_bps=outcome.result_bps,
    )
