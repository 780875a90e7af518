"""Artefacts: whatever is altered in one is refused before any parser sees it; foreign graphs are looked at first."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphaplus_tui.models.artefact import MANIFEST, SEAL, ModelRefused, open_artefact
from alphaplus_tui.models.onnx import OnnxEngine, check_graph
from tests.unit.models.making import FEATURE_NAMES, graph, helper, onnx, tensor, write_model


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    seal = write_model(tmp_path / "m1", "m1")
    artefact = open_artefact(tmp_path / "m1", seal=seal)
    assert artefact.manifest.id == "m1"
    assert hashlib.sha256(artefact.read("own.onnx")).hexdigest() == artefact.manifest.files["own.onnx"]
    with pytest.raises(ModelRefused, match="no file 'other'"):
        artefact.read("other")


def test_a_thousand_altered_artefacts_are_all_refused(tmp_path: Path) -> None:
    seal = write_model(tmp_path / "m1", "m1")
    rng = np.random.default_rng(7)
    files = sorted((tmp_path / "m1").iterdir())
    refused = 0
    for number in range(1000):
        file = files[number % len(files)]
        original = file.read_bytes()
        content = bytearray(original)
        kind = rng.integers(3)
        if kind == 0:
            content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del content[int(rng.integers(len(content))) :]
        else:
            content += rng.bytes(int(rng.integers(1, 50)))
        file.write_bytes(content)
        with pytest.raises(ModelRefused):
            open_artefact(tmp_path / "m1", seal=seal if number % 2 else None)
        refused += 1
        file.write_bytes(original)
    assert refused == 1000
    assert open_artefact(tmp_path / "m1", seal=seal).manifest.id == "m1"


def remove(folder: Path) -> None:
    (folder / "own.onnx").unlink()


def add(folder: Path) -> None:
    (folder / "extra.py").write_text("print()")


def link(folder: Path) -> None:
    file = folder / "own.onnx"
    file.rename(folder.parent / "elsewhere.onnx")
    file.symlink_to(folder.parent / "elsewhere.onnx")


def pipe(folder: Path) -> None:
    import os

    (folder / "own.onnx").unlink()
    os.mkfifo(folder / "own.onnx")


def reseal(folder: Path) -> None:
    """Alters the manifest and its seal; the registry still knows the old one."""
    text = (folder / MANIFEST).read_bytes().replace(b'"edge": false', b'"edge": true')
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_text(hashlib.sha256(text).hexdigest())


def climb(folder: Path) -> None:
    text = (folder / MANIFEST).read_bytes().replace(b'"own.onnx"', b'"../x.onnx"')
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_text(hashlib.sha256(text).hexdigest())


@pytest.mark.parametrize("change", [remove, add, link, pipe, reseal])
def test_files_that_are_gone_added_linked_or_sealed_anew_are_refused(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    seal = write_model(tmp_path / "m1", "m1")
    change(tmp_path / "m1")
    with pytest.raises(ModelRefused):
        open_artefact(tmp_path / "m1", seal=seal)


def test_a_manifest_cannot_name_files_outside_of_its_folder(tmp_path: Path) -> None:
    write_model(tmp_path / "m1", "m1")
    climb(tmp_path / "m1")
    with pytest.raises(ModelRefused, match="does not belong there"):
        open_artefact(tmp_path / "m1")


def test_a_plain_graph_passes_and_runs() -> None:
    content = graph()
    check_graph(content, len(FEATURE_NAMES))
    table = OnnxEngine(content).predict(np.zeros((250, len(FEATURE_NAMES)), np.float32))
    assert table.shape == (250, 3)
    assert table.sum(axis=1) == pytest.approx(1.0)


def custom(model: Any) -> None:
    model.graph.node.append(helper.make_node("Evil", ["features"], ["evil"], domain="com.example"))
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def external(model: Any) -> None:
    model.graph.initializer.append(tensor("outside", [1.0]))
    weights = model.graph.initializer[-1]
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../etc/passwd")


def wide(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 99


def second_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [None, 1]))


@pytest.mark.parametrize("change", [custom, external, wide, second_input])
def test_custom_operators_external_data_and_other_shapes_are_refused(change: Callable[[Any], None]) -> None:
    model = onnx.load_from_string(graph())
    change(model)
    with pytest.raises(ModelRefused):
        check_graph(model.SerializeToString(), len(FEATURE_NAMES))


def test_what_is_no_onnx_is_refused() -> None:
    with pytest.raises(ModelRefused, match="not an ONNX model"):
        check_graph(b"\x80\x04pickled", 3)
