"""Scores, calibration, drift and intervals agree with what others compute and with what can be counted by hand."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from alphaplus_tui.statistics.calibration import calibration_error, class_wise_calibration_error, reliability_curve
from alphaplus_tui.statistics.drift import (
    bin_counts,
    bin_edges,
    stability_index,
    stability_index_by_chance,
)
from alphaplus_tui.statistics.intervals import bootstrap_mean, wilson
from alphaplus_tui.statistics.scores import Floats, Ints, auc, brier_scores, log_losses

stats: Any = import_module("scipy.stats")  # Any: neither library has types
metrics: Any = import_module("sklearn.metrics")
RNG = np.random.default_rng(11)


def some_predictions(rows: int = 5000) -> tuple[Floats, Ints]:
    probabilities = RNG.dirichlet((2.0, 1.0, 3.0), rows)
    labels = np.array([RNG.choice(3, p=p) for p in probabilities], np.int64)
    return probabilities, labels


def test_log_loss_brier_and_auc_are_those_of_scikit_learn() -> None:
    probabilities, labels = some_predictions()
    assert log_losses(probabilities, labels).mean() == pytest.approx(metrics.log_loss(labels, probabilities))
    truth = np.eye(3)[labels]
    assert brier_scores(probabilities, labels).mean() == pytest.approx(((probabilities - truth) ** 2).sum(1).mean())
    up = labels == 2
    assert auc(probabilities[:, 2], up) == pytest.approx(metrics.roc_auc_score(up, probabilities[:, 2]))


def test_auc_counts_ties_half_and_knows_when_there_is_nothing_to_tell_apart() -> None:
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    positive = np.array([False, True, False, True])
    assert auc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores)) == 0.875
    assert auc(scores, np.ones(4, bool)) == 0.5


def test_probabilities_that_keep_their_promise_have_a_small_calibration_error() -> None:
    probabilities, labels = some_predictions(40_000)
    assert class_wise_calibration_error(probabilities, labels) < 0.012
    boastful = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert class_wise_calibration_error(boastful, labels) > 0.08


def test_a_promise_that_is_always_off_by_a_fifth_has_that_calibration_error() -> None:
    promised = np.full(1000, 0.7)
    happened = np.arange(1000) % 2 == 0
    assert calibration_error(promised, happened, bins=5) == pytest.approx(0.2, abs=0.002)
    assert sum(point.rows for point in reliability_curve(promised, happened)) == 1000


def test_the_stability_index_is_what_chance_gives_without_drift_and_large_with_it() -> None:
    reference = RNG.normal(0, 1, 20_000)
    edges = bin_edges(reference)
    before = bin_counts(reference, edges)
    assert before.tolist() == [2000] * 10
    chance = stability_index_by_chance(10, 20_000, 1000)
    calm = [stability_index(before, bin_counts(RNG.normal(0, 1, 1000), edges)) for _ in range(300)]
    assert np.mean(calm) == pytest.approx(chance, rel=0.15)
    assert stability_index(before, bin_counts(RNG.normal(0.7, 1, 1000), edges)) > 0.2 + chance


def test_the_stability_index_is_the_symmetric_sum_of_information() -> None:
    p, q = np.array([30, 70]), np.array([50, 50])
    both_ways = stats.entropy([0.3, 0.7], [0.5, 0.5]) + stats.entropy([0.5, 0.5], [0.3, 0.7])
    assert stability_index(p, q) == pytest.approx(both_ways)


def test_the_bootstrap_over_days_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        days = np.repeat(np.arange(60), 20)
        values = np.repeat(rng.normal(0, 1, 60), 20) + rng.normal(0, 1, 1200)  # days share a shock
        estimate = bootstrap_mean(values, days, seed=seed, draws=400)
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0 <= estimate.high
    assert 175 <= covered <= 198


def test_without_rows_or_with_one_day_there_is_no_interval() -> None:
    assert bootstrap_mean(np.array([]), np.array([], np.int64)).mean is None
    one_day = bootstrap_mean(np.array([1.0, 3.0]), np.array([5, 5]))
    assert one_day.mean == 2.0
    assert one_day.low is None


def test_wilson_is_that_of_scipy_and_says_nothing_from_nothing() -> None:
    ours, theirs = wilson(7, 20), stats.binomtest(7, 20).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
