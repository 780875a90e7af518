"""Makes small models by hand: one matrix and a softmax."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from alphaplus_tui.features.barriers import BarrierRule
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.models.artefact import EngineFiles, FeatureProfile, Manifest, write_artefact
from alphaplus_tui.models.ensemble import equal

onnx: Any = import_module("onnx")  # Any: its types are generated
helper: Any = import_module("onnx.helper")

FEATURE_NAMES = ("return_12", "volatility_24", "rsi_14")


def tensor(name: str, values: object) -> Any:
    return import_module("onnx.numpy_helper").from_array(np.asarray(values, np.float32), name)


def graph(weights: Sequence[Sequence[float]] = ((0.1, 0.0, -0.1),) * 3) -> bytes:
    """Softmax of features times weights (features, 3)."""
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, [None, len(weights)])]
    outputs = [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [None, 3])]
    made = helper.make_graph(nodes, "own", inputs, outputs, [tensor("weights", weights)])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


def manifest(model: str) -> Manifest:
    profiles = tuple(
        FeatureProfile(name, 1, FEATURES[name].parameters, -9.0, 9.0, 0.0, (0.0,), (50, 50)) for name in FEATURE_NAMES
    )
    return Manifest(
        id=model,
        created_at=1,
        timeframe="5m",
        instruments=("x:A/USDT",),
        rule=BarrierRule(),
        none_change=0.0,
        features=profiles,
        engines=(EngineFiles("own", "own.onnx"),),
        ensemble=equal(["own"]),
        trained_from=0,
        trained_until=10,
        rows=100,
        edge=False,
        verdict="no edge found",
        metrics={},
        libraries={},
        parity={},
        files={},
        origin="imported",
    )


def write_model(folder: Path, model: str) -> str:
    return write_artefact(folder, structs.replace(manifest(model)), {"own.onnx": graph(), "report.json": b"{}"})
