"""The model that comes with the demo market is small, sealed, and holds on days that it never saw."""

import numpy as np
import pytest

from alphaplus_tui.features.barriers import Outcome
from alphaplus_tui.gates.value import expected_values_bps
from alphaplus_tui.learning.dataset import Dataset, build
from alphaplus_tui.learning.signals import SignalRule, replay
from alphaplus_tui.models.artefact import Artefact, open_artefact
from alphaplus_tui.models.predictor import Opinion, Predictor
from alphaplus_tui.resources import resource
from alphaplus_tui.settings.learning import SignalSettings
from alphaplus_tui.statistics.scores import log_losses
from tests.fakes.simulated import demo_histories

LATER = 2700
"""A day long after the last that training saw."""
DAYS = 8


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return open_artefact(resource("assets/demo-model"))


@pytest.fixture(scope="module")
def rows(artefact: Artefact) -> Dataset:
    predictor = Predictor(artefact)
    return build(demo_histories(first_day=LATER, days=DAYS), predictor.features, artefact.manifest.rule)


@pytest.fixture(scope="module")
def opinion(artefact: Artefact, rows: Dataset) -> Opinion:
    return Predictor(artefact).predict(rows.x)


def test_it_is_small_enough_to_travel_with_the_package() -> None:
    assert sum(file.stat().st_size for file in resource("assets/demo-model").iterdir()) < 1_000_000


def test_its_report_found_an_edge_and_its_exports_say_what_was_trained(artefact: Artefact) -> None:
    assert artefact.manifest.edge
    assert artefact.manifest.verdict.startswith("edge: +")
    assert set(artefact.manifest.parity) == {"xgboost", "lightgbm", "catboost"}
    assert max(artefact.manifest.parity.values()) <= 1e-5


def test_it_asks_for_nothing_that_a_fresh_demo_lacks(artefact: Artefact, rows: Dataset) -> None:
    assert rows.absent == ()
    assert len(rows.features) == len(artefact.manifest.features)


def test_it_knows_more_than_frequencies_on_days_it_never_saw(rows: Dataset, opinion: Opinion) -> None:
    shares = np.bincount(rows.label, minlength=len(Outcome)) / len(rows)
    baseline = float(-np.log(shares)[rows.label].mean())
    assert float(log_losses(opinion.probabilities, rows.label).mean()) < baseline - 0.08


def test_signals_under_the_default_gates_come_every_few_minutes_and_pay_their_fees(
    artefact: Artefact, rows: Dataset, opinion: Opinion
) -> None:
    limits = SignalSettings()
    rule = SignalRule(
        fees_bps=limits.fees_bps,
        min_expected_value_bps=limits.min_expected_value_bps,
        min_agreement=limits.min_agreement,
        cooldown_s=limits.cooldown_s,
    )
    found = replay(rows, opinion.probabilities, opinion.engines, artefact.manifest.none_change, rule)
    minutes = (rows.known.max() - rows.known.min()) / 60e9
    assert minutes / len(found.result) < 10
    assert found.result.mean() > 2


def test_hardly_any_row_is_outside_of_what_training_saw(artefact: Artefact, rows: Dataset) -> None:
    predictor = Predictor(artefact)
    outside = [bool(names) for names in predictor.out_of_range(rows.x[::20])]
    assert np.mean(outside) < 0.05


def test_its_expected_values_are_of_the_order_of_what_comes(
    artefact: Artefact, rows: Dataset, opinion: Opinion
) -> None:
    values = expected_values_bps(opinion.probabilities, rows.distance, artefact.manifest.none_change, fees_bps=10.0)
    best, long = values.max(axis=1), values[:, 0] >= values[:, 1]
    came = 1e4 * np.where(long, rows.change, -rows.change) - 20
    worthwhile = best > 0
    assert came[worthwhile].mean() == pytest.approx(best[worthwhile].mean(), abs=6)
