"""XGBoost: gradient boosted trees with second-order splits over histograms."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.learning.dataset import Dataset
from alphaplus_tui.learning.engine import FitOptions, Parameter, Rows, Trial
from alphaplus_tui.learning.onnx_export import from_xgboost

xgboost: Any = import_module("xgboost")  # Any: its types are not complete

DEFAULTS: Mapping[str, Parameter] = {
    "max_depth": 3,
    "eta": 0.05,
    "min_child_weight": 100.0,
    "colsample_bytree": 0.5,
    "subsample": 0.5,
    "lambda": 10.0,
    "max_bin": 64,
}
ROUNDS, PATIENCE = 600, 30


class FittedXgboost:
    def __init__(self, booster: Any) -> None:
        self.rounds = int(booster.best_iteration) + 1
        self.booster = booster[: self.rounds]

    def predict(self, x: Rows) -> Floats:
        return np.asarray(self.booster.inplace_predict(x), np.float64)

    def importance(self) -> Floats:
        gain = np.zeros(self.booster.num_features())
        for name, value in self.booster.get_score(importance_type="total_gain").items():
            gain[int(name[1:])] = value
        return gain / max(gain.sum(), 1e-300)

    def save(self, file: Path) -> None:
        self.booster.save_model(str(file))

    def onnx(self) -> bytes:
        return from_xgboost(self.booster)


class XgboostTrainer:
    def fit(self, train: Dataset, stop: Dataset, options: FitOptions) -> FittedXgboost:
        parameters = {
            **DEFAULTS,
            **options.parameters,
            "objective": "multi:softprob",
            "num_class": CLASSES,
            "tree_method": "hist",
            "seed": options.seed,
            "nthread": options.threads,
            "verbosity": 0,
        }
        bins = int(parameters["max_bin"])
        rows = xgboost.QuantileDMatrix(train.x, train.label, weight=train.weight, max_bin=bins, nthread=options.threads)
        held = xgboost.QuantileDMatrix(
            stop.x, stop.label, weight=stop.weight, max_bin=bins, ref=rows, nthread=options.threads
        )
        booster = xgboost.train(
            parameters, rows, ROUNDS, evals=[(held, "stop")], early_stopping_rounds=PATIENCE, verbose_eval=False
        )
        return FittedXgboost(booster)

    def space(self, trial: Trial) -> Mapping[str, Parameter]:
        return {
            "max_depth": trial.suggest_int("max_depth", 3, 6),
            "eta": trial.suggest_float("eta", 0.02, 0.1, log=True),
            "min_child_weight": trial.suggest_float("min_child_weight", 20.0, 400.0, log=True),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 0.9),
            "lambda": trial.suggest_float("lambda", 0.1, 100.0, log=True),
        }
