"""The barrier rule: what comes first, what ties say, and where nothing can be told."""

import numpy as np
import pytest

from alphaplus_tui.features.barriers import (
    VOLATILITY_WINDOW,
    BarrierRule,
    Outcome,
    barriers,
    distances,
    first_touch,
    newest_distances,
)
from alphaplus_tui.features.panel import Panel
from tests.unit.features.markets import market, without

RULE = BarrierRule(horizon=4, multiple=1.0)
ENTRY = VOLATILITY_WINDOW + 10


def quiet(**later: dict[int, float]) -> Panel:
    """A market that ticks up and down by 0.1 %, with some candles after the entry changed."""
    rows = ENTRY + 10
    close = 100 * np.exp(0.001 * (np.arange(rows) % 2))
    panel = market(rows)
    panel.close, panel.open = close.copy(), close.copy()
    panel.high, panel.low = close * 1.0001, close / 1.0001
    for name, values in later.items():
        for step, factor in values.items():
            getattr(panel, name)[ENTRY + step] = close[ENTRY] * factor
    return panel


def test_the_distance_is_the_volatility_of_a_day_times_the_root_of_the_horizon() -> None:
    panel = market(600)
    steps = np.diff(np.log(panel.close))
    wanted = np.std(steps[500 - VOLATILITY_WINDOW : 500]) * 2.0 * np.sqrt(24)
    assert distances(panel, BarrierRule(24, 2.0))[500] == pytest.approx(wanted, rel=1e-9)
    assert np.isnan(distances(panel, BarrierRule())[:VOLATILITY_WINDOW]).all()


def test_the_newest_distances_of_many_are_those_of_each_and_the_same_in_any_company() -> None:
    whole = [market(600)[: 500 + n] for n in range(3)]
    still = quiet()
    still.close[:] = 100.0
    told = newest_distances([*whole, market(VOLATILITY_WINDOW), without(market(600), slice(400, 401)), still], RULE)
    assert told[:3] == pytest.approx([distances(panel, RULE)[-1] for panel in whole], rel=1e-9)
    assert np.isnan(told[3:]).all()
    assert [newest_distances([panel], RULE)[0] for panel in whole] == told[:3].tolist()


def test_the_barrier_that_is_touched_first_gives_the_outcome_and_the_result() -> None:
    told = barriers(quiet(high={3: 1.01}, low={4: 0.99}), RULE)
    assert told.outcome[ENTRY] == Outcome.UP
    assert told.candles[ENTRY] == 3
    assert told.change[ENTRY] == told.distance[ENTRY] > 0
    assert not told.both[ENTRY]


def test_both_in_one_candle_is_down_and_says_so() -> None:
    told = barriers(quiet(high={2: 1.01}, low={2: 0.99}), RULE)
    assert told.outcome[ENTRY] == Outcome.DOWN
    assert told.both[ENTRY]
    assert told.change[ENTRY] == -told.distance[ENTRY]


def test_what_touches_nothing_within_the_horizon_is_none_and_ends_at_the_last_close() -> None:
    panel = quiet(high={5: 1.01})
    told = barriers(panel, RULE)
    assert told.outcome[ENTRY] == Outcome.NONE
    assert told.candles[ENTRY] == 4
    assert told.change[ENTRY] == pytest.approx(np.log(panel.close[ENTRY + 4] / panel.close[ENTRY]))


def test_the_end_of_history_and_holes_are_masked() -> None:
    whole = barriers(market(900), RULE)
    assert (whole.outcome[-4:] == -1).all()
    assert (whole.outcome[VOLATILITY_WINDOW:-4] >= 0).all()
    holed = barriers(without(market(900), slice(600, 601)), RULE)
    assert (holed.outcome[596:600] == -1).all(), "the label would reach across the hole"
    assert (holed.outcome[600 : 600 + VOLATILITY_WINDOW] == -1).all(), "the volatility would"
    assert (holed.outcome[VOLATILITY_WINDOW:596] == whole.outcome[VOLATILITY_WINDOW:596]).all()


def test_a_market_that_stands_still_has_no_barriers() -> None:
    panel = market(700)
    panel.open = panel.high = panel.low = panel.close = np.full(700, 5.0)
    assert (barriers(panel, RULE).outcome == -1).all()


def test_outcomes_follow_the_same_rule_as_labels() -> None:
    panel = market(1200, 4)
    rule = BarrierRule()
    told = barriers(panel, rule)
    for row in range(400, 1100, 7):
        upper, lower = (panel.close[row] * np.exp(sign * told.distance[row]) for sign in (1, -1))
        ahead = slice(row + 1, row + 1 + rule.horizon)
        touch = first_touch(panel.high[ahead], panel.low[ahead], float(upper), float(lower))
        if touch is None:
            assert told.outcome[row] == Outcome.NONE
        else:
            assert (touch[0] + 1, touch[1], touch[2]) == (told.candles[row], told.outcome[row], told.both[row])
