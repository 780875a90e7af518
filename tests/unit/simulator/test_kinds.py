"""What each kind of market hides: drift is a function of recorded flow, or there is none."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from alphaplus_tui.simulator.history import History
from alphaplus_tui.simulator.impact import Impact
from alphaplus_tui.simulator.instruments import listed
from alphaplus_tui.simulator.kinds import KINDS
from alphaplus_tui.simulator.tape import Tapes
from alphaplus_tui.simulator.walks import MINUTES

Floats = NDArray[np.float64]

START, DAYS = 2500, 40
AHEAD = 120
"""Minutes of the default horizon."""


def history(kind: str, seed: int = 7) -> History:
    return History(KINDS[kind], seed, 40.0, listed(12))


def told(past: History, index: int = 0) -> tuple[Floats, Floats]:
    """By minute: the log of the close, and the net share that takers bought, fading over 100 minutes."""
    days = [past.day(past.instruments[index], START + n) for n in range(DAYS)]
    close = np.log(np.concatenate([day.close for day in days]).astype(np.float64))
    shares = [2 * day.buy_volume / np.maximum(day.volume, 1) - 1 for day in days]
    weights = np.exp(-np.arange(400) / 100)
    return close[399:], np.convolve(np.concatenate(shares), weights, "valid")


def foretold(kind: str, index: int = 0) -> float:
    """Correlation of recorded flow with what the price did in the two hours after."""
    close, flow = told(history(kind), index)
    return float(np.corrcoef(flow[:-AHEAD:AHEAD], close[AHEAD::AHEAD] - close[:-AHEAD:AHEAD])[0, 1])


@pytest.mark.parametrize(("kind", "least"), [("demo", 0.3), ("planted", 0.4)])
@pytest.mark.parametrize("index", [0, 7])
def test_flow_foretells_the_price_where_an_edge_is_planted(kind: str, least: float, index: int) -> None:
    assert foretold(kind, index) > least


@pytest.mark.parametrize("index", [0, 7])
def test_nothing_is_foretold_on_the_null_market(index: int) -> None:
    assert abs(foretold("null", index)) < 0.12


@pytest.mark.parametrize("kind", ["demo", "null"])
def test_volatility_can_be_told_on_markets_that_look_alive(kind: str) -> None:
    moves = np.abs(np.diff(told(history(kind))[0]))
    assert np.corrcoef(moves[:-5], moves[5:])[0, 1] > 0.1


def test_volatility_is_constant_on_the_planted_market() -> None:
    moves = np.abs(np.diff(told(history("planted"))[0]))
    assert abs(np.corrcoef(moves[:-5], moves[5:])[0, 1]) < 0.03
    by_hour = moves[: len(moves) // 60 * 60].reshape(-1, 60).mean(axis=1)
    assert by_hour.std() / by_hour.mean() < 0.15


def test_instruments_of_the_planted_market_go_their_own_ways() -> None:
    past = history("planted")
    one, other = np.diff(told(past, 0)[0]), np.diff(told(past, 1)[0])
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_day_can_be_drawn_without_the_days_before_it(kind: str) -> None:
    forwards, alone = history(kind), history(kind)
    instrument = forwards.instruments[3]
    walked = [forwards.day(instrument, START + n) for n in range(3)][-1]
    assert (walked.close == alone.day(instrument, START + 2).close).all()
    assert (walked.buy_volume == alone.day(instrument, START + 2).buy_volume).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_prices_go_on_over_midnight_and_the_tape_adds_up_in_every_kind(kind: str) -> None:
    past = history(kind)
    instrument, tapes = past.instruments[0], Tapes(past)
    before, after = past.day(instrument, START), past.day(instrument, START + 1)
    jump = abs(np.log(after.open[0] / before.close[-1]))
    assert jump < 5 * np.abs(np.diff(np.log(before.close))).mean()
    for minute in range((START + 1) * MINUTES - 5, (START + 1) * MINUTES + 5):
        tape = tapes.minute(instrument, minute)
        day, of_day = past.day(instrument, minute // MINUTES), minute % MINUTES
        assert tape.lots.sum() == day.volume[of_day]
        assert tape.price[-1] == day.close[of_day]


def test_the_price_takes_over_the_whole_flow_in_the_end() -> None:
    impact = Impact(KINDS["planted"], 7, 0)
    days = [impact.day(START + n) for n in range(5)]
    drift = np.concatenate([day.drift for day in days])
    flow = np.concatenate([day.flow for day in days]) * impact.step
    left = days[-1].pull[-1] - (days[0].drift[0] / (1 - impact.fading))
    assert drift.sum() == pytest.approx(flow.sum() - left, abs=1e-6)
    for today, tomorrow in pairwise(days):
        assert today.midnights[1] == tomorrow.midnights[0]
        assert today.midnights[1] - today.midnights[0] == pytest.approx(today.drift.sum(), abs=1e-6)


def test_drift_is_known_a_minute_before() -> None:
    impact = Impact(KINDS["demo"], 7, 2)
    day = impact.day(START)
    assert day.drift[1:] == pytest.approx((1 - impact.fading) * day.pull[:-1])


def test_a_market_without_impact_has_no_drift_at_all() -> None:
    day = Impact(KINDS["null"], 7, 0).day(START)
    assert not day.drift.any()
    assert not day.flow.any()
    assert not day.midnights.any()
