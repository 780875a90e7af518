"""What models said of the small market: decisions, signals with outcomes, a registry, a report, headlines."""

import math
import random

import msgspec
from msgspec import structs

from alphaplus_tui.domain.analysis import (
    Contribution,
    Decision,
    Direction,
    EngineOpinion,
    Explanation,
    Headline,
    Outcome,
    Prediction,
    Probabilities,
    Result,
    Role,
    Score,
    Signal,
)
from alphaplus_tui.domain.instrument import symbol_of
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.state import slices as rows
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.fakes.demo_rows import MARKET, NOW, name_of

FIVE = Timeframe("5m")
SPAN = 5 * MINUTE_NS
CLOSED = NOW - NOW % SPAN - SPAN
"""When the last closed candle opened."""
CHAMPION, CHALLENGER = "demo-1", "m-0921-0410"
ENGINES = ("xgboost", "lightgbm", "catboost")
GATES = ("edge", "fresh data", "whole window", "training range", "agreement", "expected value", "cooldown", "risk")
HELD = {
    "BNB": ("agreement", "only 33% of the engines lean to this side"),
    "XRP": ("expected value", "worth −6.4 bps after fees, +0.0 wanted"),
    "DOGE": ("training range", "outside of the training range: volatility 12, atr 14"),
    "ADA": ("expected value", "worth −11.0 bps after fees, +0.0 wanted"),
    "TRX": ("fresh data", "nothing heard for 48 s"),
    "AVAX": ("whole window", "a candle of the window is missing or incomplete"),
    "LINK": ("cooldown", "1240 s until the next signal of this instrument"),
    "DOT": ("expected value", "worth −2.2 bps after fees, +0.0 wanted"),
    "LTC": ("agreement", "only 33% of the engines lean to this side"),
}
FEATURES = (
    "flow_imbalance_6",
    "momentum_30",
    "volatility_48",
    "flow_imbalance_24",
    "parkinson_12",
    "ema_distance_20",
    "rsi_14",
    "ahead_of_anchor_72",
    "place_288",
    "garman_klass_48",
    "volume_two_days",
    "day_sine",
    "band_20",
    "macd",
    "efficiency_144",
    "trades_6",
    "week_cosine",
    "downside_48",
)


def decision(base: str, price: float, opens: int = CLOSED, *, model: str = CHAMPION) -> Decision:
    """What the champion said of the candle that opened at ``opens``."""
    source = random.Random(f"{base}{opens}")
    gate, reason = HELD.get(base, ("", ""))
    lean = Direction.LONG if source.random() < 0.6 else Direction.SHORT
    strong = 0.30 + 0.1 * source.random() + (0.16 if not gate else 0.0)
    weak = 0.20 + 0.06 * source.random()
    down, up = (weak, strong) if lean is Direction.LONG else (strong, weak)
    distance = 0.011 + 0.004 * source.random()
    name = name_of(base)
    opinions = tuple(
        EngineOpinion(engine, Probabilities(down + shift, 1 - down - up, up - shift))
        for engine, shift in zip(ENGINES, (-0.02, 0.005, 0.015), strict=True)
    )
    prediction = Prediction(
        instrument=name,
        timeframe=FIVE,
        open_time=opens,
        candle_revision=1,
        model=model,
        probabilities=Probabilities(down, 1 - down - up, up),
        engines=opinions,
        features=tuple(source.gauss(0, 1) for _ in FEATURES),
        absent=(),
        out_of_range=(),
        distance=distance,
        entry=price,
    )
    above, below = price * math.exp(distance), price * math.exp(-distance)
    worth = 24 * (strong - weak) * 10 - 22 if not gate else -2.0 - 9 * source.random()
    return Decision(
        id=f"{symbol_of(name)}-{opens // SECOND_NS}",
        role=Role.CHAMPION,
        prediction=prediction,
        decided_at=opens + SPAN + 42_000_000,
        direction=Direction.FLAT if gate else lean,
        gate=gate,
        reason=reason,
        passed=GATES[: GATES.index(gate)] if gate else GATES,
        lean=lean,
        expected_value_bps=worth,
        agreement=0.33 if gate == "agreement" else 1.0,
        spread_bps=0.4,
        target=above if lean is Direction.LONG else below,
        stop=below if lean is Direction.LONG else above,
        expires_at=opens + 25 * SPAN,
    )


def signal_of(made: Decision, moved_by: tuple[Contribution, ...] = ()) -> Signal:
    prediction = made.prediction
    assert prediction.probabilities is not None
    assert made.target is not None
    assert made.stop is not None
    return Signal(
        id=made.id,
        instrument=prediction.instrument,
        timeframe=prediction.timeframe,
        model=prediction.model,
        direction=made.lean,
        probabilities=prediction.probabilities,
        expected_value_bps=made.expected_value_bps or 0.0,
        entry=prediction.entry,
        target=made.target,
        stop=made.stop,
        made_at=made.decided_at,
        expires_at=made.expires_at,
        moved_by=moved_by,
    )


def explanation(made: Decision) -> Explanation:
    """Contributions that add up to the margin, the largest first."""
    source = random.Random(made.id)
    sign = 1 if made.lean is Direction.LONG else -1
    parts = [
        Contribution(name, value, (sign * 0.05 + source.gauss(0, 0.12)) / (1 + at / 3))
        for at, (name, value) in enumerate(zip(FEATURES, made.prediction.features, strict=True))
    ]
    parts.sort(key=lambda part: -abs(part.share))
    base = -0.012
    return Explanation("treeshap", base, base + sum(part.share for part in parts), tuple(parts))


def history(base: str, count: int = 40) -> tuple[Decision, ...]:
    """Stored decisions of one instrument, newest first; every fourth passed."""
    price = next(price for name, price, _, _ in MARKET if name == base)
    found: list[Decision] = []
    for at in range(count):
        made = decision(base, price, CLOSED - at * SPAN)
        if at % 4:
            made = structs.replace(
                made,
                direction=Direction.FLAT,
                gate="expected value",
                reason=f"worth −{at}.0 bps after fees, +0.0 wanted",
                passed=GATES[:5],
                expected_value_bps=-float(at),
            )
        found.append(made)
    return tuple(found)


def fill_opinions(store: StateStore) -> None:
    """All slices that models fill, as a demo leaves them after an hour."""
    for at, (base, price, _, _) in enumerate(MARKET):
        made = decision(base, price)
        preview = structs.replace(made.prediction, open_time=CLOSED + SPAN, forming=True) if at < 6 else None
        store.decisions.put(name_of(base), rows.DecisionRow(name_of(base), made, preview))
        if not made.gate:
            parts = explanation(made).contributions[:4]
            store.signals.put(made.id, rows.SignalRow(signal_of(made, parts), None))
    _ended(store)
    _registry(store)
    _scores(store)
    _headlines(store)


def _ended(store: StateStore) -> None:
    ends = (
        (Result.TARGET, 96.0),
        (Result.STOP, -141.5),
        (Result.TARGET, 88.2),
        (Result.HORIZON, -12.4),
        (Result.TARGET, 103.7),
        (Result.STOP, -128.0),
        (Result.HORIZON, 9.1),
    )
    bases = ("BTC", "SOL", "ETH", "BTC", "DOGE", "ADA", "BTC", "LINK", "BTC", "ETH", "SOL", "XRP", "AVAX", "DOT")
    for at, base in enumerate(bases):
        price = next(price for name, price, _, _ in MARKET if name == base)
        made = decision(base, price * (1 + 0.002 * (at % 3 - 1)), CLOSED - (5 + 4 * at) * SPAN)
        result, bps = ends[at % len(ends)]
        resolved = made.decided_at + (3 + at % 9) * SPAN
        exit_price = {Result.TARGET: made.target, Result.STOP: made.stop}.get(result) or price
        outcome = Outcome(made.id, result, resolved, exit_price, bps, "up", 0.6)
        store.signals.put(made.id, rows.SignalRow(signal_of(made), outcome))


def _model(name: str, stage: str, serving: str, age: int, gain: float, **other: object) -> rows.ModelRow:
    row = rows.ModelRow(
        id=name,
        stage=stage,
        serving=serving,
        pinned=False,
        added_at=NOW - age,
        reason="",
        timeframe="5m",
        engines=ENGINES,
        edge=False,
        verdict="no edge found: −1.8 bps per signal, 95 % interval [−6.2, 2.9], 412 signals",
        metrics={"pooled_gain_pct": gain, "pooled_brier": 0.641, "holdout_brier": 0.639, "pooled_log_loss": 1.031},
    )
    return structs.replace(row, **other)


def _registry(store: StateStore) -> None:
    edge = (
        "edge: +9.4 bps per signal, 95 % interval [4.1, 14.9], 1204 signals "
        "(volatility: +3.1% of log loss, direction: +2.4%, AUC 0.618)"
    )
    models = (
        _model(
            CHAMPION,
            "champion",
            "champion",
            9 * DAY_NS,
            5.5,
            edge=True,
            verdict=edge,
            reason="shipped with the program",
            live_brier=0.642,
            live_low=0.631,
            live_high=0.653,
            live_rows=3_412,
            drift_psi=0.083,
            drift_feature="volume_two_days",
            parity=2.4e-8,
        ),
        _model(
            CHALLENGER,
            "candidate",
            "challenger",
            7 * HOUR_NS,
            5.9,
            edge=True,
            verdict=edge.replace("9.4", "10.1"),
            reason="not yet better with 95 % confidence: −0.0011 nats a row, [−0.0034, 0.0013]",
            live_brier=0.648,
            live_low=0.6405,
            live_high=0.656,
            live_rows=980,
            drift_psi=0.27,
            drift_feature="trades_6",
            parity=0.0,
        ),
        _model(
            "m-0920-0400", "candidate", "", 31 * HOUR_NS, 3.2, engines=("lightgbm",), trouble="catboost.onnx: altered"
        ),
        _model("m-0914-0400", "retired", "", 8 * DAY_NS, 2.9, reason=f"followed by {CHAMPION}"),
    )
    for row in models:
        store.models.put(row.id, row)
    store.inference.put(ONLY, rows.InferenceRow(True, 4242, 0, "", CHAMPION, CHALLENGER, 11.2, 31.0))
    store.training.put(
        ONLY,
        rows.TrainingRow("t-0922", "running", "fold 4 of 6 · catboost", 0.58, "", NOW - 104 * SECOND_NS),
    )


def _scores(store: StateStore) -> None:
    def score(instrument: str, direction: str, signals: int, resolved: int, mean: float) -> None:
        hits = round(resolved * (0.5 + mean / 150))
        wide = 60 / math.sqrt(resolved)
        share = hits / resolved
        half = 1.96 * math.sqrt(share * (1 - share) / resolved)
        row = Score(
            model=CHAMPION,
            instrument=instrument,
            direction=direction,
            signals=signals,
            resolved=resolved,
            hits=hits,
            hit_low=share - half,
            hit_high=share + half,
            mean_bps=mean,
            mean_low=mean - wide,
            mean_high=mean + wide,
            brier=0.62,
            brier_low=0.6,
            brier_high=0.64,
        )
        store.scores.put(f"{CHAMPION}|{instrument}|{direction}", rows.ScoreRow(row))

    score("", "", 157, 149, 7.3)
    score("", "long", 90, 86, 9.9)
    score("", "short", 67, 63, 3.7)
    score(name_of("BTC"), "", 58, 55, 11.2)
    score(name_of("ETH"), "", 52, 50, -3.1)
    score(name_of("SOL"), "", 47, 44, 12.6)


def _headlines(store: StateStore) -> None:
    told = (
        ("Bitcoin steadies as funds report a third week of inflows", "coinwire", 0.42, ("BTC",), 7),
        ("Exchange halts withdrawals after wallet breach", "chainpost", -0.71, (), 22),
        ("Ether developers set a date for the next upgrade", "coinwire", 0.28, ("ETH",), 49),
        ("Regulator opens consultation on stablecoin reserves", "ledgerly", 0.0, (), 95),
        ("Solana network resumes after four-hour outage", "chainpost", -0.36, ("SOL",), 180),
        ("Miners sell more than they produce for a second month", "ledgerly", -0.22, ("BTC",), 260),
        ("Payments firm adds support for three more coins", "coinwire", 0.31, ("XRP", "ADA"), 400),
    )
    for at, (title, source, score, symbols, minutes) in enumerate(told):
        published = NOW - minutes * MINUTE_NS
        url = f"https://{source}.example/{at}"
        row = Headline(str(at), source, title, url, published, published + SECOND_NS, score, symbols)
        store.headlines.put(row.id, rows.HeadlineRow(row))
    store.sentiment.put(ONLY, rows.SentimentRow("running", "", 54.0, 0.06, 31))


def report(model: str) -> str:
    """A report as the training writes it."""
    source = random.Random(model)

    def scores(gain: float) -> dict[str, float]:
        return {
            "rows": 12_000,
            "log_loss": 1.089 * (1 - gain / 100),
            "baseline": 1.089,
            "momentum": 1.081,
            "gain_pct": gain,
            "brier": 0.641,
            "ece": 0.011 + 0.01 * source.random(),
            "auc_down": 0.66,
            "auc_none": 0.7,
            "auc_up": 0.65,
            "auc_direction": 0.56 + gain / 120,
            "gain_volatility": 0.03,
            "gain_direction": 0.02,
        }

    def engines(gain: float) -> dict[str, dict[str, float]]:
        each = {name: scores(gain - 0.3 * at - 0.2) for at, name in enumerate(ENGINES)}
        return {**each, "ensemble": scores(gain)}

    start = NOW - 180 * DAY_NS
    folds = [
        {
            "trained_until": start + at * 25 * DAY_NS,
            "tested_from": start + at * 25 * DAY_NS + HOUR_NS,
            "tested_until": start + (at + 1) * 25 * DAY_NS,
            "trained_rows": 40_000 + 9_000 * at,
            "rounds": {"xgboost": 240},
            "scores": engines(gain),
        }
        for at, gain in enumerate((4.1, 3.8, 9.1, 4.1, 8.9, 6.5))
    ]

    def curve(low: float, high: float, tilt: float) -> list[dict[str, float]]:
        points = [low + (high - low) * at / 14 for at in range(15)]
        return [
            {"promised": p, "happened": p + tilt * (p - 0.33) + source.gauss(0, 0.008), "rows": 4800} for p in points
        ]

    def value(mean: float, wide: float, count: int) -> dict[str, object]:
        estimate = {"mean": mean, "low": mean - wide, "high": mean + wide, "rows": count}
        return {
            "value": estimate,
            "long": count // 2,
            "short": count - count // 2,
            "hits": count // 2,
            "expected_bps": 11,
        }

    weights = [1 / (1.6 + at) * (0.8 + 0.4 * source.random()) for at in range(len(FEATURES))]
    whole = {
        "verdict": "edge: +9.4 bps per signal",
        "edge": True,
        "rows": 312_480,
        "folds": folds,
        "pooled": engines(6.1),
        "reliability": {
            "down": curve(0.12, 0.55, 0.05),
            "none": curve(0.1, 0.72, -0.06),
            "up": curve(0.11, 0.58, 0.03),
        },
        "signals": value(9.4, 5.4, 1204),
        "holdout": engines(5.5),
        "holdout_signals": value(6.2, 9.1, 171),
        "importance": {name: w / sum(weights) for name, w in zip(FEATURES, weights, strict=True)},
        "missing_engines": {},
        "seconds": 214.0,
    }
    return msgspec.json.encode(whole).decode()
