"""Makes ONNX of trained engines: rows of float32 in, probabilities out, nothing else."""

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

INPUT = "features"
OUTPUT = "probabilities"
_OPSET, _ML_OPSET = 15, 3


def from_lightgbm(booster: Any) -> bytes:
    convert: Any = import_module("onnxmltools.convert")
    kinds: Any = import_module("onnxmltools.convert.common.data_types")
    shape = [("input", kinds.FloatTensorType([None, booster.num_feature()]))]
    return _plain(convert.convert_lightgbm(booster, initial_types=shape, zipmap=False, target_opset=_OPSET))


def from_xgboost(booster: Any) -> bytes:
    convert: Any = import_module("onnxmltools.convert")
    kinds: Any = import_module("onnxmltools.convert.common.data_types")
    shape = [("input", kinds.FloatTensorType([None, booster.num_features()]))]
    return _plain(convert.convert_xgboost(booster, initial_types=shape, target_opset=_OPSET))


def from_catboost(model: Any) -> bytes:
    onnx: Any = import_module("onnx")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "catboost.onnx"
        model.save_model(str(file), format="onnx")
        return _plain(onnx.load(str(file)))


def _plain(model: Any) -> bytes:
    """Keeps only what leads to the probabilities, under our names."""
    graph = model.graph
    zipmaps = [node for node in graph.node if node.op_type == "ZipMap"]
    name = zipmaps[0].input[0] if zipmaps else graph.output[-1].name
    for node in zipmaps:
        graph.node.remove(node)
    _keep_needed(graph, name)
    _rename(graph, graph.input[0].name, INPUT)
    _rename(graph, name, OUTPUT)
    onnx: Any = import_module("onnx")
    helper: Any = import_module("onnx.helper")
    features = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [None, features or None]))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, [None, None]))
    model.doc_string, graph.doc_string, graph.name = "", "", OUTPUT  # the converters put random names there
    del model.metadata_props[:]  # CatBoost's own, with the time of day
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}{number}"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _keep_needed(graph: Any, output: str) -> None:
    needed = {output}
    for node in reversed(list(graph.node)):
        if needed.isdisjoint(node.output) and node.op_type not in ("TreeEnsembleClassifier",):
            graph.node.remove(node)
        else:
            needed.update(node.input)


def _rename(graph: Any, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new
