"""Why a model says what it says: asked of a process of its own."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from alphaplus_tui.domain.analysis import Explanation
from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.models.artefact import Manifest, open_artefact
from alphaplus_tui.models.explain import ChildExplainer
from alphaplus_tui.models.predictor import Predictor
from alphaplus_tui.ports.model import ModelExplainer
from alphaplus_tui.resources import resource
from tests.fakes.artefacts import FEW, a_registry, shelve
from tests.fakes.model import FakeExplainer

DEMO = resource("assets/demo-model")


def demo_row(manifest: Manifest, *, seed: int = 4) -> list[float]:
    """A row between the least and the greatest that training saw."""
    rng = np.random.default_rng(seed)
    profiles = manifest.features
    return [float(np.float32(rng.uniform(p.edges[0], p.edges[-1]) if len(p.edges) > 1 else p.median)) for p in profiles]


@pytest.mark.parametrize("seed", [1, 2])
async def test_contributions_of_every_engine_add_up_to_the_margin_that_was_served(seed: int) -> None:
    artefact = open_artefact(DEMO)
    row = demo_row(artefact.manifest, seed=seed)
    found = await ChildExplainer().explain(str(DEMO), artefact.seal, row)
    assert found.method == "treeshap"
    total = found.base + sum(part.share for part in found.contributions)
    assert total == pytest.approx(found.margin, abs=1e-5)
    opinion = Predictor(artefact).predict(np.array([row], np.float32))
    sides = opinion.engines[:, 0, Outcome.UP] > opinion.engines[:, 0, Outcome.DOWN]
    if sides.all() or not sides.any():
        assert (found.margin > 0) == bool(sides.all())
    sizes = [abs(part.share) for part in found.contributions]
    assert sizes == sorted(sizes, reverse=True)
    named = {part.feature: part.value for part in found.contributions}
    assert named == dict(zip([profile.name for profile in artefact.manifest.features], row, strict=True))


async def test_without_native_files_each_feature_takes_its_median(tmp_path: Path) -> None:
    registry = a_registry(tmp_path)
    entry = shelve(registry, "linear", weight=0.5)
    found = await ChildExplainer().explain(str(registry.path("linear")), entry.seal, [0.0, 0.0, 1.0, 0.0])
    assert found.method == "median replacement"
    assert found.contributions[0].feature == FEW[2]
    assert found.contributions[0].share > 0
    assert all(part.share == 0 for part in found.contributions[1:])


async def test_an_altered_model_and_a_row_of_another_model_are_not_explained(tmp_path: Path) -> None:
    registry = a_registry(tmp_path)
    entry = shelve(registry, "linear")
    folder = str(registry.path("linear"))
    with pytest.raises(FatalError, match="row"):
        await ChildExplainer().explain(folder, entry.seal, [0.0])
    with pytest.raises(FatalError, match="row"):
        await ChildExplainer().explain(folder, entry.seal, [0.0, 0.0, float("nan"), 0.0])
    (tmp_path / "linear" / "linear.onnx").write_bytes(b"other")
    with pytest.raises(FatalError, match="altered"):
        await ChildExplainer().explain(folder, entry.seal, [0.0] * 4)


async def test_the_fake_gives_what_it_holds() -> None:
    explanation = Explanation("treeshap", 0.1, 0.2, ())
    explainer: ModelExplainer = FakeExplainer(explanation)
    assert msgspec.json.encode(await explainer.explain("", "", [])) == msgspec.json.encode(explanation)
