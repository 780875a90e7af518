"""The gates hold back in order, each says why, and the expected value is what a signal earns on average."""

import numpy as np
import pytest
from msgspec import structs

from alphaplus_tui.gates.gates import GATES, Direction, Evidence, Limits, judge
from alphaplus_tui.gates.value import agreement, expected_values_bps, result_bps

GOOD = Evidence(
    edge=True,
    direction=Direction.LONG,
    expected_value_bps=12.0,
    agreement=1.0,
    data_age_s=0.5,
    window_complete=True,
)
BAD: dict[str, dict[str, object]] = {
    "edge": {"edge": False},
    "fresh data": {"data_age_s": 61.0},
    "whole window": {"window_complete": False},
    "training range": {"out_of_range": ("volatility",)},
    "agreement": {"agreement": 0.5},
    "expected value": {"expected_value_bps": -3.0},
    "cooldown": {"since_last_signal_s": 600.0},
    "risk": {"risk": "5 open positions are the limit"},
}


def test_what_passes_all_gates_keeps_its_direction() -> None:
    verdict = judge(GOOD, Limits())
    assert (verdict.direction, verdict.gate) == (Direction.LONG, "")
    assert verdict.passed == tuple(gate.name for gate in GATES) == tuple(BAD)


@pytest.mark.parametrize("name", BAD)
def test_each_gate_holds_back_and_says_why(name: str) -> None:
    verdict = judge(structs.replace(GOOD, **BAD[name]), Limits())
    assert (verdict.direction, verdict.gate) == (Direction.FLAT, name)
    assert verdict.reason
    assert verdict.passed == tuple(BAD)[: list(BAD).index(name)]


def test_the_first_gate_names_itself_when_several_would_hold_back() -> None:
    everything = {key: value for change in BAD.values() for key, value in change.items()}
    assert judge(structs.replace(GOOD, **everything), Limits()).gate == "edge"
    assert judge(structs.replace(GOOD, **everything), Limits(require_edge=False)).gate == "fresh data"


def test_an_absent_feature_is_named() -> None:
    assert "rsi_14" in judge(structs.replace(GOOD, absent=("rsi_14",)), Limits()).reason


def test_the_expected_value_is_the_mean_result_of_signals() -> None:
    rng = np.random.default_rng(3)
    p = np.array([[0.2, 0.3, 0.5]])
    distance, none_change = np.array([0.004]), 0.0003
    long, short = expected_values_bps(p, distance, none_change, fees_bps=10, spread_bps=1)[0]
    outcomes = rng.choice([-0.004, none_change, 0.004], p=p[0], size=400_000)
    both = np.ones(len(outcomes), np.bool_)
    assert result_bps(outcomes, both, fees_bps=10, spread_bps=1).mean() == pytest.approx(long, abs=0.2)
    assert result_bps(outcomes, ~both, fees_bps=10, spread_bps=1).mean() == pytest.approx(short, abs=0.2)
    assert long + short == pytest.approx(-42)


def test_agreement_is_the_share_of_engines_that_lean_to_the_side() -> None:
    engines = np.array([[[0.2, 0.3, 0.5]], [[0.3, 0.4, 0.3]], [[0.5, 0.3, 0.2]]])
    assert agreement(engines, np.array([True]))[0] == pytest.approx(1 / 3)
    assert agreement(engines, np.array([False]))[0] == pytest.approx(1 / 3)


def test_two_engines_of_three_are_not_told_as_if_they_were_what_is_wanted() -> None:
    reason = judge(structs.replace(GOOD, agreement=2 / 3), Limits(min_agreement=0.67)).reason
    assert reason == "only 66.7% of the engines lean to this side, 67.0% wanted"
