"""A user's own ONNX file joins the registry when it says what it was made for, and is refused otherwise."""

from pathlib import Path

import numpy as np
import pytest

from alphaplus_tui.models.artefact import ModelRefused
from alphaplus_tui.models.foreign import adopt, claim
from alphaplus_tui.models.predictor import Predictor
from alphaplus_tui.models.registry import Registry
from tests.unit.models.making import FEATURE_NAMES, graph, onnx

SAID = {"features": ", ".join(FEATURE_NAMES), "timeframe": "5m", "horizon": "12", "barrier": "1.5"}
ROWS = np.random.default_rng(1).normal(0, 1, (3000, len(FEATURE_NAMES))).astype(np.float32)


def own(**said: str | None) -> bytes:
    model = onnx.load_from_string(graph())
    for key, value in {**SAID, **said}.items():
        if value is not None:
            model.metadata_props.add(key=f"alphaplus.{key}", value=value)
    return bytes(model.SerializeToString())


def test_a_file_that_says_what_it_is_serves_like_any_other(tmp_path: Path) -> None:
    content = own()
    manifest, files = adopt(content, claim(content), ROWS, model="mine", created_at=3, instruments=["x:A/USDT"])
    registry = Registry(tmp_path, lambda: 1)
    registry.add(manifest, files)
    registry.promote("mine", "I made it")
    predictor = Predictor(registry.open("mine"))
    assert predictor.manifest.rule.horizon == 12
    assert predictor.predict(ROWS[:5]).probabilities.sum(axis=1) == pytest.approx(1.0)
    assert predictor.out_of_range(np.array([[0, 0, 99]], np.float32)) == [("rsi_14",)]
    assert not manifest.edge


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"features": None}, "does not say alphaplus.features"),
        ({"features": "return_12, volatility_24, rsi_15"}, "did you mean"),
        ({"features": "return_12"}, "shape"),
        ({"features": " , "}, "name no feature"),
        ({"timeframe": "7m"}, "unknown timeframe"),
        ({"horizon": "soon"}, "cannot be used"),
        ({"barrier": "0"}, "out of bounds"),
    ],
)
def test_a_file_that_does_not_is_refused_with_the_reason(said: dict[str, str | None], why: str) -> None:
    with pytest.raises(ModelRefused, match=why):
        claim(own(**said))


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ModelRefused, match="not an ONNX model"):
        claim(b"\xff" * 100)
