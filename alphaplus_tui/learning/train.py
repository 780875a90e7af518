"""Trains all engines through all folds, combines them, and reads the hold-out once."""

import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import numpy as np
from msgspec import Struct, structs

from alphaplus_tui.domain.timeframe import duration_ns, parse_timeframe
from alphaplus_tui.features.barriers import BarrierRule, Outcome
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.learning.combine import combine
from alphaplus_tui.learning.dataset import Dataset, class_shares
from alphaplus_tui.learning.engine import FitOptions, Fitted, Parameter, Trainer, trainer, usable
from alphaplus_tui.learning.report import FoldReport, Report, Scores, verdict
from alphaplus_tui.learning.scoring import Baselines, score
from alphaplus_tui.learning.signals import SignalRule, Signals, replay, summarise
from alphaplus_tui.learning.walk_forward import Fold, plan, stopping
from alphaplus_tui.models.ensemble import Ensemble, equal
from alphaplus_tui.models.promotion import DayDifference, Promotion, judge_promotion
from alphaplus_tui.statistics.calibration import reliability_curve
from alphaplus_tui.statistics.scores import log_losses

THINNING = 3
"""Engines learn from every third candle: neighbours share nearly all of their features and of their label."""
ENSEMBLE = "ensemble"

OnStep = Callable[[str, float], None]
"""Told what was done and which share of all there is to do."""


class Champion(Struct, frozen=True):
    """The model that serves now."""

    predict: Callable[[Dataset], Floats]
    """Its probabilities for rows of a data set, shape (n, 3)."""
    trained_until: int
    """UTC ns."""


class TrainOptions(Struct, frozen=True):
    timeframe: str = "5m"
    rule: BarrierRule = BarrierRule()
    engines: tuple[str, ...] = ("xgboost", "lightgbm", "catboost")
    folds: int = 6
    seed: int = 7
    threads: int = 2
    signals: SignalRule = SignalRule()
    parameters: Mapping[str, Mapping[str, Parameter]] = {}
    """By engine, instead of its own defaults."""

    @property
    def embargo_ns(self) -> int:
        return self.rule.horizon * duration_ns(parse_timeframe(self.timeframe))


class Trained(Struct, frozen=True):
    """The final engines, trained on everything before the hold-out, and how they are combined."""

    engines: Mapping[str, Fitted]
    ensemble: Ensemble
    none_change: float
    """Mean log return of NONE in training."""
    train: Dataset
    report: Report


class _Tested(Struct, frozen=True):
    """A fold's test rows and what was said about them."""

    rows: Dataset
    opinions: tuple[Floats, ...]
    """Raw, one table per engine."""
    calibrated: Floats
    probabilities: Floats
    frequencies: Floats
    momentum: Floats
    signals: Signals


def train(data: Dataset, options: TrainOptions, on_step: OnStep, champion: Champion | None = None) -> Trained:
    """Walk forward, then the final engines and the hold-out. ``EngineMissing``, ``NotEnoughData``."""
    started = monotonic()
    kinds, missing = usable(options.engines)
    names = tuple(kind.name for kind in kinds)
    trainers = {kind.name: trainer(kind) for kind in kinds}
    whole = plan(data, options.folds, options.embargo_ns)
    steps = _Steps(on_step, [*whole.folds, whole.final], len(kinds))
    tested: list[_Tested] = []
    folds: list[FoldReport] = []
    for number, fold in enumerate(whole.folds, 1):
        ensemble = _ensemble(names, tested)
        rows = data.take(fold.train)
        fitted = {
            name: steps.fit(trainers[name], rows, options, name=name, where=f"fold {number} of {options.folds}")
            for name in names
        }
        result = _test(fitted, ensemble, rows, data.take(fold.test), options.signals)
        tested.append(result)
        folds.append(_fold_report(names, fitted, rows, result))
    ensemble = _ensemble(names, tested)
    rows = data.take(whole.final.train)
    engines = {name: steps.fit(trainers[name], rows, options, name=name, where="final") for name in names}
    held = _test(engines, ensemble, rows, data.take(whole.final.test), options.signals)
    pooled = _pooled(tested)
    over_folds = _over_folds(_scores(names, pooled), folds)
    summary = summarise([part.signals for part in tested])
    report = Report(
        verdict=verdict(summary, over_folds[ENSEMBLE]),
        edge=summary.edge,
        timeframe=options.timeframe,
        instruments=data.instruments,
        engines=names,
        missing_engines={kind.name: kind.install for kind in missing},
        features=data.names,
        absent_features=data.absent,
        rows=len(data),
        class_shares=tuple(class_shares(data.label).tolist()),
        folds=tuple(folds),
        pooled=over_folds,
        reliability={
            outcome.name.lower(): reliability_curve(
                pooled.probabilities[:, outcome], np.asarray(pooled.rows.label == outcome, np.bool_)
            )
            for outcome in Outcome
        },
        signals=summary,
        holdout=_scores(names, held),
        holdout_signals=summarise([held.signals]),
        promotion=_promotion(held, champion),
        importance=_importance(data.names, engines),
        seconds=monotonic() - started,
        peak_memory_mb=_peak_memory_mb(),
    )
    return Trained(engines, ensemble, _none_change(rows), rows, report)


class _Steps:
    """Fits engines and tells how far it is; a fit counts as many as its rows."""

    def __init__(self, on_step: OnStep, folds: Sequence[Fold], engines: int) -> None:
        self._on_step, self._done = on_step, 0
        self._total = engines * sum(int(fold.train.sum()) for fold in folds)

    def fit(self, engine: Trainer, rows: Dataset, options: TrainOptions, *, name: str, where: str) -> Fitted:
        self._on_step(f"{where}: {name}", self._done / self._total)
        self._done += len(rows)
        return fit(engine, rows, options, name)


def fit(engine: Trainer, rows: Dataset, options: TrainOptions, name: str) -> Fitted:
    """One engine on the rows of one training window."""
    first, last = stopping(rows, options.embargo_ns)
    every = THINNING * duration_ns(parse_timeframe(options.timeframe))
    thinned = np.asarray(first & (rows.known % every == 0), np.bool_)
    settings = FitOptions(options.seed, options.threads, options.parameters.get(name, {}))
    return engine.fit(rows.take(thinned), rows.take(last), settings)


def _ensemble(names: Sequence[str], tested: Sequence[_Tested]) -> Ensemble:
    """From out-of-fold predictions of the folds before; none: equal weights, no calibration."""
    if not tested:
        return equal(names)
    opinions = [np.concatenate([part.opinions[n] for part in tested]) for n in range(len(names))]
    labels = np.concatenate([part.rows.label for part in tested])
    weights = np.concatenate([part.rows.weight for part in tested])
    return combine(names, opinions, labels, weights)


def _test(
    engines: Mapping[str, Fitted], ensemble: Ensemble, train_rows: Dataset, rows: Dataset, rule: SignalRule
) -> _Tested:
    opinions = tuple(_normal(engine.predict(rows.x)) for engine in engines.values())
    probabilities, calibrated = ensemble.apply(opinions)
    baselines = Baselines(train_rows)
    signals = replay(rows, probabilities, calibrated, _none_change(train_rows), rule)
    return _Tested(
        rows,
        opinions,
        calibrated,
        probabilities,
        baselines.frequencies(rows),
        baselines.momentum(rows),
        signals,
    )


def _pooled(tested: Sequence[_Tested]) -> _Tested:
    return _Tested(
        rows=_joined([part.rows for part in tested]),
        opinions=(),
        calibrated=np.concatenate([part.calibrated for part in tested], axis=1),
        probabilities=np.concatenate([part.probabilities for part in tested]),
        frequencies=np.concatenate([part.frequencies for part in tested]),
        momentum=np.concatenate([part.momentum for part in tested]),
        signals=tested[0].signals,
    )


def _joined(parts: Sequence[Dataset]) -> Dataset:
    names = ("x", "label", "weight", "instrument", "known", "ends", "distance", "change", "previous")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Dataset(parts[0].features, parts[0].absent, parts[0].instruments, **columns)


def _scores(names: Sequence[str], tested: _Tested) -> dict[str, Scores]:
    tables: dict[str, Floats] = {name: tested.calibrated[n] for n, name in enumerate(names)}
    tables[ENSEMBLE] = tested.probabilities
    return {
        name: score(table, tested.rows.label, tested.frequencies, tested.momentum) for name, table in tables.items()
    }


def _over_folds(pooled: Mapping[str, Scores], folds: Sequence[FoldReport]) -> dict[str, Scores]:
    """With AUCs averaged over the folds: between models that were trained apart, ranks say nothing."""
    rows = [fold.scores[ENSEMBLE].rows for fold in folds]
    aucs = ("auc_down", "auc_none", "auc_up", "auc_direction")
    return {
        name: structs.replace(
            scores,
            **{
                key: float(np.average([getattr(fold.scores[name], key) for fold in folds], weights=rows))
                for key in aucs
            },
        )
        for name, scores in pooled.items()
    }


def _fold_report(
    names: Sequence[str], fitted: Mapping[str, Fitted], train_rows: Dataset, tested: _Tested
) -> FoldReport:
    return FoldReport(
        trained_until=int(train_rows.ends.max()),
        tested_from=int(tested.rows.known[0]),
        tested_until=int(tested.rows.known[-1]),
        trained_rows=len(train_rows),
        rounds={name: engine.rounds for name, engine in fitted.items()},
        scores=_scores(names, tested),
    )


def _none_change(rows: Dataset) -> float:
    none = rows.change[rows.label == Outcome.NONE]
    return float(none.mean()) if len(none) else 0.0


def _promotion(held: _Tested, champion: Champion | None) -> Promotion:
    """Paired with the champion where there is one, on rows that it was not trained on either."""
    labels = held.rows.label
    ours = log_losses(held.probabilities, labels)
    if champion is None:
        fresh = np.ones(len(labels), np.bool_)
        theirs = log_losses(held.frequencies, labels)
    else:
        fresh = np.asarray(held.rows.known > champion.trained_until, np.bool_)
        theirs = log_losses(champion.predict(held.rows), labels)
    days, day = np.unique(held.rows.day[fresh], return_inverse=True)
    sums = np.bincount(day, weights=(ours - theirs)[fresh])
    return judge_promotion(
        [
            DayDifference(number, rows, total)
            for number, rows, total in zip(days.tolist(), np.bincount(day).tolist(), sums.tolist(), strict=True)
        ]
    )


def _importance(names: Sequence[str], engines: Mapping[str, Fitted]) -> dict[str, float]:
    shares = np.mean([engine.importance() for engine in engines.values()], axis=0)
    return dict(sorted(zip(names, (float(share) for share in shares), strict=True), key=lambda item: -item[1]))


def _normal(table: Floats) -> Floats:
    """float32 engines give rows that sum to 1 only nearly."""
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float64)


def _peak_memory_mb() -> float:
    """The most memory this process ever held."""
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
