"""CatBoost: gradient boosted oblivious trees."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.learning.dataset import Dataset
from alphaplus_tui.learning.engine import FitOptions, Parameter, Rows, Trial
from alphaplus_tui.learning.onnx_export import from_catboost

catboost: Any = import_module("catboost")  # Any: it has no types

DEFAULTS: Mapping[str, Parameter] = {
    "depth": 4,
    "learning_rate": 0.08,
    "l2_leaf_reg": 30.0,
    "rsm": 0.5,
    "subsample": 0.5,
    "border_count": 64,
}
ROUNDS, PATIENCE = 500, 30


class FittedCatboost:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.rounds: int = model.tree_count_

    def predict(self, x: Rows) -> Floats:
        return np.asarray(self.model.predict_proba(x), np.float64)

    def importance(self) -> Floats:
        gain = np.asarray(self.model.get_feature_importance(type="PredictionValuesChange"), np.float64)
        return gain / max(gain.sum(), 1e-300)

    def save(self, file: Path) -> None:
        self.model.save_model(str(file))

    def onnx(self) -> bytes:
        return from_catboost(self.model)


class CatboostTrainer:
    def fit(self, train: Dataset, stop: Dataset, options: FitOptions) -> FittedCatboost:
        model = catboost.CatBoostClassifier(
            **{**DEFAULTS, **options.parameters},
            loss_function="MultiClass",
            classes_count=CLASSES,
            iterations=ROUNDS,
            bootstrap_type="Bernoulli",
            boosting_type="Plain",
            leaf_estimation_iterations=1,
            random_seed=options.seed,
            thread_count=options.threads,
            allow_writing_files=False,
            verbose=False,
        )
        rows = catboost.Pool(train.x, train.label, weight=train.weight)
        held = catboost.Pool(stop.x, stop.label, weight=stop.weight)
        model.fit(rows, eval_set=held, early_stopping_rounds=PATIENCE)
        return FittedCatboost(model)

    def space(self, trial: Trial) -> Mapping[str, Parameter]:
        return {
            "depth": trial.suggest_int("depth", 3, 7),
            "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
            "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1.0, 100.0, log=True),
            "rsm": trial.suggest_float("rsm", 0.2, 0.9),
        }
