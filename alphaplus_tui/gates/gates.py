"""The gates that a prediction passes, in order; the first that holds it back names itself."""

from collections.abc import Callable

from msgspec import Struct

from alphaplus_tui.domain.analysis import Direction


class Evidence(Struct, frozen=True):
    """What is known when a candle closed and its prediction came."""

    edge: bool
    """The champion's report found an edge."""
    direction: Direction
    """The side of the larger expected value."""
    expected_value_bps: float
    """Of that side, after fees."""
    agreement: float
    """Share of the engines that lean to that side."""
    data_age_s: float
    """How long ago the market was last heard of."""
    window_complete: bool
    """No candle of the features' window is missing, and none misses trades."""
    absent: tuple[str, ...] = ()
    """Features that the model needs and the window does not give."""
    out_of_range: tuple[str, ...] = ()
    """Features outside of what training saw."""
    since_last_signal_s: float | None = None
    """Since the instrument's last signal; None: there was none."""
    risk: str = ""
    """The limit that a further signal would break; empty: none."""


class Limits(Struct, frozen=True):
    """What the gates hold evidence against."""

    require_edge: bool = True
    stale_after_s: float = 30.0
    out_of_range_allowed: int = 0
    min_agreement: float = 1.0
    min_expected_value_bps: float = 0.0
    cooldown_s: float = 3600.0


class Gate(Struct, frozen=True):
    """``check`` returns why it holds back, or nothing."""

    name: str
    check: Callable[[Evidence, Limits], str]


class Verdict(Struct, frozen=True):
    """What the gates said. ``direction`` is FLAT unless all were passed."""

    direction: Direction
    gate: str
    """The gate that held back; empty when none did."""
    reason: str
    passed: tuple[str, ...]
    """Gates passed before, in order."""


def _edge(evidence: Evidence, limits: Limits) -> str:
    return "the champion's report found no edge" if limits.require_edge and not evidence.edge else ""


def _fresh(evidence: Evidence, limits: Limits) -> str:
    late = evidence.data_age_s > limits.stale_after_s
    return f"nothing heard for {evidence.data_age_s:.0f} s" if late else ""


def _window(evidence: Evidence, _: Limits) -> str:
    if not evidence.window_complete:
        return "a candle of the window is missing or incomplete"
    return f"absent: {', '.join(evidence.absent)}" if evidence.absent else ""


def _range(evidence: Evidence, limits: Limits) -> str:
    if len(evidence.out_of_range) <= limits.out_of_range_allowed:
        return ""
    return f"outside of the training range: {', '.join(evidence.out_of_range)}"


def _agree(evidence: Evidence, limits: Limits) -> str:
    if evidence.direction is Direction.FLAT:
        return "no side is preferred"
    few = evidence.agreement < limits.min_agreement
    wanted = f"{limits.min_agreement:.1%} wanted"
    return f"only {evidence.agreement:.1%} of the engines lean to this side, {wanted}" if few else ""


def _value(evidence: Evidence, limits: Limits) -> str:
    value, least = evidence.expected_value_bps, limits.min_expected_value_bps
    return f"worth {value:+.1f} bps after fees, {least:+.1f} wanted" if not value > least else ""


def _cooldown(evidence: Evidence, limits: Limits) -> str:
    since = evidence.since_last_signal_s
    if since is None or since >= limits.cooldown_s:
        return ""
    return f"{limits.cooldown_s - since:.0f} s until the next signal of this instrument"


def _risk(evidence: Evidence, _: Limits) -> str:
    return evidence.risk


GATES: tuple[Gate, ...] = (
    Gate("edge", _edge),
    Gate("fresh data", _fresh),
    Gate("whole window", _window),
    Gate("training range", _range),
    Gate("agreement", _agree),
    Gate("expected value", _value),
    Gate("cooldown", _cooldown),
    Gate("risk", _risk),
)


def judge(evidence: Evidence, limits: Limits) -> Verdict:
    """The first gate that holds the prediction back, or its direction when none does."""
    passed: list[str] = []
    for gate in GATES:
        reason = gate.check(evidence, limits)
        if reason:
            return Verdict(Direction.FLAT, gate.name, reason, tuple(passed))
        passed.append(gate.name)
    return Verdict(evidence.direction, "", "", tuple(passed))
