"""Runs one engine's ONNX file: rows of float32 in, probabilities of the three outcomes out."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.features.barriers import CLASSES
from alphaplus_tui.features.panel import Floats
from alphaplus_tui.models.artefact import ModelRefused

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
BATCH = 100
"""Rows at a time: larger batches of trees are slower per row."""


def check_graph(content: bytes, features: int) -> None:
    """``ModelRefused`` unless the graph is self-contained, of standard operators, and of our shape."""
    onnx: Any = import_module("onnx")  # Any: its types are generated
    try:
        model: Any = onnx.load_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001  whatever a parser of foreign bytes raises, the answer is no
        raise ModelRefused(f"not an ONNX model: {str(error)[:200]}") from None
    domains = {entry.domain for entry in model.opset_import} | {node.domain for node in _nodes(model.graph)}
    if not domains <= _DOMAINS or len(model.functions):
        raise ModelRefused(f"custom operators are not run: {', '.join(sorted(domains - _DOMAINS)) or 'functions'}")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
        raise ModelRefused("data outside of the file are not read")
    if len(model.graph.input) != 1:
        raise ModelRefused(f"one input is expected, {len(model.graph.input)} are there")
    wide = model.graph.input[0].type.tensor_type
    width = wide.shape.dim[1].dim_value if len(wide.shape.dim) == 2 else -1
    if wide.elem_type != onnx.TensorProto.FLOAT or width not in (0, features):
        raise ModelRefused(f"the input must be float32 of shape (rows, {features})")


class OnnxEngine:
    """An inference session of its own; the bytes must have been checked before."""

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        runtime: Any = import_module("onnxruntime")  # Any: it has no types
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self._session: Any = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  its own exceptions are not public
            raise ModelRefused(f"ONNX Runtime cannot run it: {str(error)[:200]}") from None
        self._input: str = self._session.get_inputs()[0].name
        self._output: str = self._probabilities()

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Probabilities, shape (n, 3), rows sum to 1."""
        if not len(x):
            return np.zeros((0, CLASSES))
        parts = [
            self._session.run([self._output], {self._input: np.ascontiguousarray(x[start : start + BATCH])})[0]
            for start in range(0, len(x), BATCH)
        ]
        table = np.concatenate(parts).astype(np.float64)
        return np.asarray(table / table.sum(axis=1, keepdims=True), np.float64)

    def _probabilities(self) -> str:
        """The output of three columns; other outputs (labels) are not asked for."""
        outputs: list[Any] = self._session.get_outputs()
        tables = [output for output in outputs if output.type == "tensor(float)"]
        if len(tables) != 1:
            raise ModelRefused("one float32 output of probabilities is expected")
        width: object = tables[0].shape[-1] if len(tables[0].shape) == 2 else None
        if isinstance(width, int) and width != CLASSES:
            raise ModelRefused(f"the output must have {CLASSES} columns (down, none, up), it has {width}")
        return str(tables[0].name)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in _nodes(graph):
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from inner.initializer
