"""LightGBM: gradient boosted trees that grow leaf by leaf."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.learning.dataset import Dataset
from alphaplus_tui.learning.engine import FitOptions, Parameter, Rows, Trial
from alphaplus_tui.learning.onnx_export import from_lightgbm

lightgbm: Any = import_module("lightgbm")  # Any: its types are not complete

DEFAULTS: Mapping[str, Parameter] = {
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "lambda_l2": 10.0,
    "max_bin": 63,
}
ROUNDS, PATIENCE = 600, 30


class FittedLightgbm:
    def __init__(self, booster: Any) -> None:
        self.booster = booster
        self.rounds: int = booster.best_iteration or booster.current_iteration()

    def predict(self, x: Rows) -> Floats:
        return np.asarray(self.booster.predict(x, num_iteration=self.rounds), np.float64)

    def importance(self) -> Floats:
        gain = np.asarray(self.booster.feature_importance("gain", iteration=self.rounds), np.float64)
        return gain / max(gain.sum(), 1e-300)

    def save(self, file: Path) -> None:
        self.booster.save_model(str(file), num_iteration=self.rounds)

    def onnx(self) -> bytes:
        return from_lightgbm(lightgbm.Booster(model_str=self.booster.model_to_string(num_iteration=self.rounds)))


class LightgbmTrainer:
    def fit(self, train: Dataset, stop: Dataset, options: FitOptions) -> FittedLightgbm:
        parameters = {
            **DEFAULTS,
            **options.parameters,
            "objective": "multiclass",
            "num_class": CLASSES,
            "bagging_freq": 1,
            "seed": options.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": options.threads,
            "verbose": -1,
        }
        rows = lightgbm.Dataset(train.x, train.label, weight=train.weight, params=parameters)
        held = lightgbm.Dataset(stop.x, stop.label, weight=stop.weight, reference=rows)
        quiet = lightgbm.early_stopping(PATIENCE, verbose=False)
        booster = lightgbm.train(parameters, rows, ROUNDS, valid_sets=[held], callbacks=[quiet])
        return FittedLightgbm(booster)

    def space(self, trial: Trial) -> Mapping[str, Parameter]:
        return {
            "num_leaves": trial.suggest_int("num_leaves", 7, 63, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.1, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 100, 2000, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 0.9),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        }
