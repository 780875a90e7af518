"""Training on small invented markets: the planted edge is found, the null market has none, exports say the same."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from alphaplus_tui.features.barriers import barriers
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.learning.dataset import Dataset, build
from alphaplus_tui.learning.engine import ENGINES, EngineMissing, Fitted, usable
from alphaplus_tui.learning.export import LARGEST_DIFFERENCE, ExportDiffers, Exported, export
from alphaplus_tui.learning.report import Report
from alphaplus_tui.learning.train import ENSEMBLE, Trained, TrainOptions, train
from alphaplus_tui.learning.tuning import tune
from alphaplus_tui.models.artefact import open_artefact, write_artefact
from alphaplus_tui.models.contributions import explain
from alphaplus_tui.models.native import contributions
from alphaplus_tui.models.predictor import Predictor
from alphaplus_tui.ports.model import Profile
from alphaplus_tui.services.drift import Drift, ServedRows
from tests.bench.learning_markets import INSTRUMENT, Optimum, learn, recovered
from tests.fakes.simulated import null_market, planted_market

OPTIONS = TrainOptions(folds=3, threads=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    panel, _ = planted_market(9_000, 3)
    return build([(INSTRUMENT, panel)], tuple(FEATURES.values()), OPTIONS.rule)


@pytest.fixture(scope="module")
def trained(data: Dataset) -> Trained:
    steps: list[tuple[str, float]] = []
    result = train(data, OPTIONS, lambda step, share: steps.append((step, share)))
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert len(steps) == 4 * 3
    return result


@pytest.fixture(scope="module")
def exported(trained: Trained) -> Exported:
    return export(trained, OPTIONS, created_at=5, model="m1")


def test_each_engine_says_the_same_in_onnx_as_natively(trained: Trained, exported: Exported) -> None:
    assert set(exported.manifest.parity) == set(ENGINES)
    assert max(exported.manifest.parity.values()) <= LARGEST_DIFFERENCE


class Boastful:
    """An engine whose export is that of another."""

    def __init__(self, engine: Fitted) -> None:
        self._engine, self.rounds = engine, engine.rounds

    def predict(self, x: np.ndarray[Any, np.dtype[np.float32]]) -> Floats:
        return self._engine.predict(x) * 0.9 + 0.1 / 3

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_an_export_that_differs_is_refused(trained: Trained) -> None:
    engines: dict[str, Any] = {**trained.engines, "xgboost": Boastful(trained.engines["xgboost"])}
    with pytest.raises(ExportDiffers, match="xgboost"):
        export(msgspec.structs.replace(trained, engines=engines), OPTIONS, created_at=5, model="m1")


def test_a_model_read_back_from_disk_predicts_what_the_trained_one_did(
    trained: Trained, exported: Exported, tmp_path: Path
) -> None:
    write_artefact(tmp_path / "m1", exported.manifest, exported.files)
    predictor = Predictor(open_artefact(tmp_path / "m1"))
    sample = trained.train.x[:500]
    native, _ = trained.ensemble.apply([engine.predict(sample) for engine in trained.engines.values()])
    assert np.abs(predictor.predict(sample).probabilities - native).max() < 2e-5
    beyond = sample[:2].copy()
    beyond[1, 3] = 1e6
    assert predictor.out_of_range(beyond) == [(), (trained.train.names[3],)]


def test_contributions_add_up_to_the_margin(trained: Trained, exported: Exported, tmp_path: Path) -> None:
    sample = trained.train.x[:50]
    for name, engine in trained.engines.items():
        told = contributions(name, exported.files[ENGINES[name].native_file], sample)
        assert told.shape == (50, 3, sample.shape[1] + 1)
        margins = told.sum(axis=2)
        odds = np.exp(margins - margins.max(axis=1, keepdims=True))
        assert np.abs(odds / odds.sum(axis=1, keepdims=True) - engine.predict(sample)).max() < 1e-5, name


def test_why_a_model_leans_is_told_in_contributions_that_add_up(
    trained: Trained, exported: Exported, tmp_path: Path
) -> None:
    write_artefact(tmp_path / "m1", exported.manifest, exported.files)
    row = trained.train.x[77]
    why = explain(open_artefact(tmp_path / "m1"), row)
    assert why.method == "TreeSHAP"
    assert why.base + sum(part.amount for part in why.contributions) == pytest.approx(why.lean, abs=1e-5)
    assert "imbalance" in why.contributions[0].feature
    assert len(why.contributions) == len(row)
    values = dict(zip(trained.train.names, row.tolist(), strict=True))
    assert all(part.value == values[part.feature] for part in why.contributions)


def drift_of(exported: Exported, rows: NDArray[np.float32]) -> Drift | None:
    """What is said of a model that was served these rows."""
    served = ServedRows(
        [Profile(of.name, of.edges, of.counts, of.low, of.high, of.clock) for of in exported.manifest.features]
    )
    for row in rows:
        served.add(tuple(row.tolist()))
    return served.drift()


def test_drift_is_seen_in_the_feature_that_drifts(trained: Trained, exported: Exported) -> None:
    rows = trained.train.x[np.random.default_rng(2).permutation(len(trained.train))[:2000]].copy()
    calm = drift_of(exported, rows)
    assert calm is not None
    assert calm.psi < 0.1
    column = trained.train.names.index("rsi_14")
    rows[:, column] += 2 * rows[:, column].std()
    moved = drift_of(exported, rows)
    assert moved is not None
    assert moved.feature == "rsi_14"
    assert moved.psi > 0.2
    assert drift_of(exported, rows[:900]) is None, "too few rows"


def test_without_native_files_features_are_replaced_by_their_median(
    trained: Trained, exported: Exported, tmp_path: Path
) -> None:
    engines = tuple(msgspec.structs.replace(files, native="") for files in exported.manifest.engines)
    write_artefact(tmp_path / "m2", msgspec.structs.replace(exported.manifest, engines=engines), exported.files)
    artefact = open_artefact(tmp_path / "m2")
    medians = np.array([profile.median for profile in artefact.manifest.features], np.float32)
    assert all(abs(part.amount) < 1e-9 for part in explain(artefact, medians).contributions)
    why = explain(artefact, trained.train.x[77])
    assert why.method == "replaced by the median"
    assert "imbalance" in why.contributions[0].feature


def test_the_report_is_json_and_tells_volatility_from_direction(trained: Trained) -> None:
    report = msgspec.json.decode(msgspec.json.encode(trained.report), type=Report)
    pooled = report.pooled[ENSEMBLE]
    assert pooled.gain_volatility + pooled.gain_direction == pytest.approx(pooled.baseline - pooled.log_loss)
    assert pooled.gain_direction > 0.02, "the edge that was planted is one of direction"
    assert pooled.auc_direction > 0.6
    assert sum(report.importance.values()) == pytest.approx(1.0)
    flow = sum(share for name, share in report.importance.items() if "imbalance" in name)
    assert flow > 0.4
    assert report.promotion.rows == report.holdout[ENSEMBLE].rows


def test_training_twice_gives_the_same_model(data: Dataset, trained: Trained, exported: Exported) -> None:
    again = export(train(data, OPTIONS, lambda step, share: None), OPTIONS, created_at=5, model="m1")
    for name in ("xgboost.onnx", "lightgbm.onnx", "catboost.onnx"):
        assert again.files[name] == exported.files[name], name


def test_tuning_proposes_parameters_that_training_takes(data: Dataset) -> None:
    small = data.take(np.arange(len(data)) < 3000)
    tuned = tune(small, msgspec.structs.replace(OPTIONS, engines=("lightgbm",)), 1.0, lambda step, share: None)
    assert set(tuned.parameters) == {"lightgbm"}
    assert train(small, tuned, lambda step, share: None).report.engines == ("lightgbm",)


@pytest.mark.parametrize("name", ENGINES)
def test_a_missing_engine_is_greyed_with_the_line_that_installs_it(
    name: str, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, ENGINES[name].library, None)
    here, missing = usable(tuple(ENGINES))
    assert [kind.name for kind in missing] == [name]
    assert name not in [kind.name for kind in here]
    assert missing[0].install == f"python -m pip install {name}"
    with pytest.raises(EngineMissing, match=f"pip install {name}"):
        usable((name,))


def test_the_other_engines_train_without_the_missing_one(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "catboost", None)
    small = data.take(np.arange(len(data)) < 4000)
    report = train(small, OPTIONS, lambda step, share: None).report
    assert report.engines == ("xgboost", "lightgbm")
    assert report.missing_engines == {"catboost": "python -m pip install catboost"}


@pytest.fixture(scope="module")
def optimum() -> Optimum:
    return Optimum(2_000)


def test_most_of_a_planted_edge_is_recovered(optimum: Optimum) -> None:
    panel, mood = planted_market(20_000, 1)
    shares, edge = recovered(panel, mood, OPTIONS, optimum)
    assert edge > 0.04
    assert shares[ENSEMBLE] > 0.6
    assert shares[ENSEMBLE] < 1.05, "nobody knows more than the simulator"


@pytest.mark.parametrize("seed", [11, 12])
def test_a_null_market_has_no_direction_and_no_edge(seed: int) -> None:
    options = msgspec.structs.replace(OPTIONS, engines=("lightgbm",))
    _, report = learn(null_market(20_000, seed), options)
    assert abs(report.pooled[ENSEMBLE].auc_direction - 0.5) < 0.05
    assert not report.edge
    assert report.verdict.startswith("no edge found")


def test_a_leaky_feature_shows_on_the_null_market() -> None:
    def coming(panel: Panel) -> Floats:
        told = barriers(panel, OPTIONS.rule)
        return np.where(told.outcome >= 0, told.outcome + np.random.default_rng(1).normal(0, 1, len(panel)), np.nan)

    leaky = Feature("leaky", "the future", 600, coming)
    options = msgspec.structs.replace(OPTIONS, engines=("lightgbm",))
    _, report = learn(null_market(20_000, 11), options, [leaky])
    assert report.pooled[ENSEMBLE].auc_direction > 0.6
