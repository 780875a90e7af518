"""What each feature added to an engine's opinion, from its native file; for a process of its own."""

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.errors import UnknownName
from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats

Rows = NDArray[np.float32]


def contributions(engine: str, content: bytes, x: Rows) -> Floats:
    """TreeSHAP in margins: shape (n, 3, features + 1), the last column is the base; sums are the raw margins.

    content: the engine's native file; its hash must have been checked before. Imports the engine's library.
    Source: Lundberg, Erion and Lee (2018), as each library implements it.
    """
    match engine:
        case "xgboost":
            return _xgboost(content, x)
        case "lightgbm":
            return _lightgbm(content, x)
        case "catboost":
            return _catboost(content, x)
        case _:
            raise UnknownName("engine", engine, ("xgboost", "lightgbm", "catboost"))


def _xgboost(content: bytes, x: Rows) -> Floats:
    xgboost: Any = import_module("xgboost")  # Any: the libraries' types are not complete
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return np.asarray(booster.predict(xgboost.DMatrix(x), pred_contribs=True), np.float64)


def _lightgbm(content: bytes, x: Rows) -> Floats:
    lightgbm: Any = import_module("lightgbm")
    booster = lightgbm.Booster(model_str=content.decode())
    return np.asarray(booster.predict(x, pred_contrib=True), np.float64).reshape(len(x), CLASSES, -1)


def _catboost(content: bytes, x: Rows) -> Floats:
    catboost: Any = import_module("catboost")
    model = catboost.CatBoostClassifier()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "catboost.cbm"
        file.write_bytes(content)
        model.load_model(str(file))
    return np.asarray(model.get_feature_importance(catboost.Pool(x), type="ShapValues"), np.float64)
