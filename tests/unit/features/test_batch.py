"""Rows of many instruments computed together are those computed one by one."""

import numpy as np
import pytest

from alphaplus_tui.features.batch import last_rows
from alphaplus_tui.features.panel import Panel
from alphaplus_tui.features.registry import FEATURES, rows
from tests.unit.features.markets import market, without
from tests.unit.features.test_every_feature import ALL, failing, same, scales


def scaled(panel: Panel, price: float, volume: float) -> Panel:
    for name in ("open", "high", "low", "close"):
        setattr(panel, name, getattr(panel, name) * price)
    panel.volume, panel.buy_volume = panel.volume * volume, panel.buy_volume * volume
    return panel


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_together_is_the_same_as_one_by_one_whatever_the_prices(offset: int) -> None:
    panels = [scaled(market(700, seed, offset=offset), 10.0 ** (seed - 6), 10.0 ** (9 - seed)) for seed in range(12)]
    together = last_rows(panels, ALL)
    alone = np.stack([rows(panel, ALL)[-1] for panel in panels])
    assert failing(same(together, alone, scales(rows(panels[0], ALL)))) == []
    assert np.isfinite(together).all()


def test_a_hole_a_short_window_and_another_moment_are_computed_alone() -> None:
    panels = [market(700, 1), without(market(700, 2), slice(600, 601)), market(100, 3), market(690, 4), market(9)[:0]]
    together = last_rows(panels, ALL)
    for number, panel in enumerate(panels[:-1]):
        alone = rows(panel, ALL)[-1]
        assert failing(same(together[number], alone, scales(rows(panels[0], ALL)))) == []
    assert np.isnan(together[4]).all()


def test_a_market_that_stood_still_does_not_disturb_its_neighbours() -> None:
    still = market(700, 1)
    still.open = still.high = still.low = still.close = np.full(700, 7.0)
    still.volume = still.buy_volume = still.trades = np.zeros(700)
    other = market(700, 2)
    together = last_rows([still, other, still], ALL)
    assert failing(same(together[1], rows(other, ALL)[-1], scales(rows(other, ALL)))) == []
    assert np.isnan(together[0, list(FEATURES).index("volatility")])
