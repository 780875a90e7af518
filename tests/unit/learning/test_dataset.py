"""Rows to learn from: what is masked, what is weighted, and windows of time that know nothing of each other."""

import numpy as np
import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import MINUTE_NS
from alphaplus_tui.features.barriers import BarrierRule, barriers
from alphaplus_tui.features.registry import FEATURES, rows
from alphaplus_tui.learning.dataset import Dataset, NotEnoughData, build, uniqueness
from alphaplus_tui.learning.walk_forward import HOLDOUT, plan, stopping
from tests.unit.features.markets import market, without

CHOSEN = tuple(FEATURES[name] for name in ("return_12", "volatility_24", "imbalance_12", "day_sine"))
RULE = BarrierRule()
EMBARGO_NS = 24 * 5 * MINUTE_NS
A, B = InstrumentId("x:A/USDT"), InstrumentId("x:B/USDT")


def two_markets(length: int = 3000) -> Dataset:
    return build([(A, market(length, 1)), (B, market(length, 2))], CHOSEN, RULE)


def test_rows_are_those_with_a_label_and_all_features_in_the_order_of_time() -> None:
    data = two_markets()
    assert (np.diff(data.known) >= 0).all()
    assert np.isfinite(data.x).all()
    panel = market(3000, 2)
    wanted = np.flatnonzero((barriers(panel, RULE).outcome >= 0) & np.isfinite(rows(panel, CHOSEN)).all(axis=1))
    theirs = data.take(data.instrument == 1)
    assert theirs.known.tolist() == panel.close_time[wanted].tolist()
    assert (theirs.x == rows(panel, CHOSEN)[wanted]).all()
    assert (theirs.label == barriers(panel, RULE).outcome[wanted]).all()


def test_a_feature_that_history_does_not_have_is_left_out_and_named() -> None:
    panel = market(3000)
    panel.buy_volume = np.full(3000, np.nan)
    data = build([(A, panel)], CHOSEN, RULE)
    assert data.absent == ("imbalance_12",)
    assert data.names == ("return_12", "volatility_24", "day_sine")


def test_nothing_is_learned_across_a_hole_and_flat_candles_are_candles() -> None:
    panel = market(3000)
    panel.volume[1500:1510] = 0.0
    panel.buy_volume[1500:1510] = 0.0
    whole, holed = build([(A, panel)], CHOSEN, RULE), build([(A, without(panel, slice(1500, 1510)))], CHOSEN, RULE)
    length = panel.length_ns
    hole = int(panel.open_time[1500])
    inside = (whole.known > hole) & (whole.known <= hole + 10 * length)
    assert inside.sum() == 10, "flat candles stay"
    gap = max(range(len(holed) - 1), key=lambda row: int(holed.known[row + 1] - holed.known[row]))
    assert holed.known[gap] <= hole - RULE.horizon * length
    assert holed.known[gap + 1] >= hole + (10 + 288) * length


def test_too_little_history_is_said_and_not_trained_on() -> None:
    with pytest.raises(NotEnoughData, match="without a hole"):
        build([(A, market(200))], CHOSEN, RULE)
    with pytest.raises(NotEnoughData, match="too few"):
        plan(build([(A, market(800))], CHOSEN, RULE), 6, EMBARGO_NS)


def test_labels_that_share_their_candles_weigh_less() -> None:
    # three labels: 0-1 alone on 0, shared on 1; 1-2 shared on 1; 4-4 alone
    weights = uniqueness(np.array([0, 1, 4]), np.array([1, 2, 4]), 5)
    assert weights.tolist() == pytest.approx([0.75, 0.75, 1.0])
    assert two_markets().weight.mean() == pytest.approx(1.0)


def test_training_is_over_before_the_test_begins_and_the_hold_out_comes_last() -> None:
    data = two_markets()
    whole = plan(data, 4, EMBARGO_NS)
    for fold in (*whole.folds, whole.final):
        start = data.known[fold.test].min()
        assert data.ends[fold.train].max() + EMBARGO_NS <= start
    for before, after in zip(whole.folds, (*whole.folds[1:], whole.final), strict=True):
        assert data.ends[before.test].max() < data.known[after.test].min()
        assert before.train.sum() < after.train.sum()
    assert whole.final.test.sum() / len(data) == pytest.approx(HOLDOUT, abs=0.01)
    assert data.known[whole.final.test].max() == data.known.max()


def test_engines_stop_on_rows_behind_those_they_fit_on() -> None:
    data = two_markets()
    fit, stop = stopping(data, EMBARGO_NS)
    assert data.ends[fit].max() + EMBARGO_NS <= data.known[stop].min()
    assert 0.1 < np.count_nonzero(stop) / len(stop) < 0.2


def test_the_last_outcome_is_one_that_was_settled() -> None:
    panel = market(3000)
    data = build([(A, panel)], CHOSEN, RULE)
    told = barriers(panel, RULE)
    row = 700
    at = panel.close_time.tolist().index(int(data.known[row]))
    assert data.previous[row] == told.outcome[at - RULE.horizon]
