"""Looks for better parameters within a budget of seconds, on the first folds only."""

from collections.abc import Callable, Mapping
from importlib import import_module
from time import monotonic
from typing import Any

import numpy as np
from msgspec import structs

from alphaplus_tui.learning.dataset import Dataset
from alphaplus_tui.learning.engine import Parameter, Trainer, Trial, trainer, usable
from alphaplus_tui.learning.train import OnStep, TrainOptions, fit
from alphaplus_tui.learning.walk_forward import plan
from alphaplus_tui.statistics.scores import log_losses

FIRST_FOLDS = 2
"""Tuned on these, so that most of the report is about rows that tuning did not see."""


def tune(data: Dataset, options: TrainOptions, seconds: float, on_step: OnStep) -> TrainOptions:
    """``options`` with the parameters of least log loss that were found; each engine gets its share of the time."""
    optuna: Any = import_module("optuna")  # Any: its types are not complete
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds, _ = usable(options.engines)
    found: dict[str, Mapping[str, Parameter]] = dict(options.parameters)
    started = monotonic()
    for number, kind in enumerate(kinds, 1):
        on_step(f"tuning: {kind.name}", 0.0)
        engine = trainer(kind)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=options.seed))
        left = started + seconds * number / len(kinds) - monotonic()
        study.optimize(_objective(engine, kind.name, data, options), timeout=max(left, 0.0), n_trials=200)
        found[kind.name] = engine.space(optuna.trial.FixedTrial(study.best_params))
    return structs.replace(options, parameters=found)


def _objective(engine: Trainer, name: str, data: Dataset, options: TrainOptions) -> Callable[[Trial], float]:
    folds = plan(data, options.folds, options.embargo_ns).folds[:FIRST_FOLDS]

    def loss(trial: Trial) -> float:
        tried = structs.replace(options, parameters={name: engine.space(trial)})
        losses: list[float] = []
        for fold in folds:
            fitted = fit(engine, data.take(fold.train), tried, name)
            test = data.take(fold.test)
            losses.append(float(log_losses(fitted.predict(test.x), test.label).mean()))
        return float(np.mean(losses))

    return loss
