"""Three properties of every registered feature: no look-ahead, window parity, finite or absent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alphaplus_tui.errors import UnknownName
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.registry import FEATURES, features, rows
from alphaplus_tui.features.spec import LONGEST_LOOKBACK, Feature
from tests.unit.features.markets import market, without

ROWS = 1400
ALL = tuple(FEATURES.values())
NAMES = [feature.name for feature in ALL]

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None)  # each looks at all features over 1,400 candles


def same(first: NDArray[np.float32], second: NDArray[np.float32], scale: Floats) -> NDArray[np.bool_]:
    """Whether cells are equal to 1e-6 of the scale of their column (and what float32 can hold), or both absent."""
    both_absent = np.isnan(first) & np.isnan(second)
    return both_absent | (np.abs(first - second) <= 1e-6 * scale + 1.2e-7 * np.abs(first))


def scales(table: NDArray[np.float32]) -> Floats:
    """Interquartile range of each column."""
    low, high = np.nanquantile(table.astype(np.float64), (0.25, 0.75), axis=0)
    return np.asarray(high - low, np.float64)


def failing(equal: NDArray[np.bool_]) -> list[str]:
    columns = equal.reshape(-1, len(NAMES))
    return [name for column, name in enumerate(NAMES) if not columns[:, column].all()]


@few
@given(seed=seeds, cut=st.integers(LONGEST_LOOKBACK, ROWS - 1), offset=st.integers(0, 5))
def test_removing_the_future_leaves_the_past_unchanged(seed: int, cut: int, offset: int) -> None:
    panel = market(ROWS, seed, offset=offset, wildness=0.01, quiet=0.05)
    whole, past = rows(panel, ALL), rows(panel[:cut], ALL)
    assert failing(same(whole[:cut], past, scales(whole))) == []


@few
@given(seed=seeds, end=st.integers(LONGEST_LOOKBACK, ROWS), offset=st.integers(0, 5))
def test_the_trailing_window_gives_the_same_last_row_as_the_whole_history(seed: int, end: int, offset: int) -> None:
    panel = market(ROWS, seed, offset=offset, wildness=0.003)
    whole = rows(panel, ALL)
    last = rows(panel[end - LONGEST_LOOKBACK : end], ALL)[-1]
    assert failing(same(whole[end - 1], last, scales(whole))) == []
    assert not np.isnan(last).any(), "an ordinary market gives every feature after the longest lookback"


@pytest.mark.parametrize("feature", ALL, ids=NAMES)
def test_no_feature_looks_further_back_than_it_declares(feature: Feature) -> None:
    panel = market(ROWS, 5)
    whole = rows(panel, (feature,))
    for end in (700, 1001, 1399):
        last = rows(panel[end - feature.lookback : end], (feature,))[-1]
        assert same(whole[end - 1], last, scales(whole)).all()
        assert np.isfinite(last).all()


def extreme(kind: str) -> Panel:
    panel = market(ROWS, 3)
    if kind == "constant price":
        flat = np.full(ROWS, 123.45)
        panel.open = panel.high = panel.low = panel.close = flat
    elif kind == "zero volume":
        panel.volume = panel.buy_volume = panel.trades = np.zeros(ROWS)
    elif kind == "nothing at all":
        flat = np.full(ROWS, 1e-8)
        panel.open = panel.high = panel.low = panel.close = panel.anchor_close = flat
        panel.volume = panel.buy_volume = panel.trades = np.zeros(ROWS)
    elif kind == "huge moves":
        factor = np.where(np.arange(ROWS) // 100 % 2 == 0, 1.0, 1e9)
        for name in ("open", "high", "low", "close", "volume", "buy_volume"):
            setattr(panel, name, getattr(panel, name) * factor)
    elif kind == "unknown takers, anchor and news":
        panel.buy_volume = panel.trades = panel.anchor_close = np.full(ROWS, np.nan)
        panel.headlines = panel.mood = np.full(ROWS, np.nan)
    elif kind == "tiny prices":
        for name in ("open", "high", "low", "close"):
            setattr(panel, name, getattr(panel, name) * 1e-12)
    return panel


KINDS = (
    "constant price",
    "zero volume",
    "nothing at all",
    "huge moves",
    "unknown takers, anchor and news",
    "tiny prices",
)


@pytest.mark.parametrize("kind", KINDS)
def test_extremes_give_a_number_or_absent_and_never_infinity(kind: str) -> None:
    table = rows(extreme(kind), ALL)
    assert not np.isinf(table).any()
    assert np.isfinite(table[-1, [NAMES.index("day_sine"), NAMES.index("week_cosine")]]).all()


@few
@given(seed=seeds, wildness=st.floats(0, 0.2), quiet=st.floats(0, 0.9))
def test_wild_and_quiet_markets_never_give_infinity(seed: int, wildness: float, quiet: float) -> None:
    table = rows(market(900, seed, wildness=wildness, quiet=quiet), ALL)
    assert not np.isinf(table).any()
    assert np.nanmax(np.abs(table)) < 1e6


def test_what_is_not_known_is_absent_and_not_filled() -> None:
    table = rows(extreme("unknown takers, anchor and news"), ALL)
    absent = {name for name, column in zip(NAMES, table.T, strict=True) if np.isnan(column).all()}
    topics = ("imbalance", "recent_imbalance", "trades", "trade_size", "anchor", "ahead_of_anchor", "headlines", "mood")
    assert absent == {name for name in NAMES if name.startswith(topics)}


def test_behind_a_hole_features_are_absent_until_their_lookback_is_full() -> None:
    panel = without(market(2000, 8), slice(800, 810))
    table = rows(panel, ALL)
    for column, feature in enumerate(ALL):
        behind = table[800 : 800 + feature.lookback - 1, column]
        assert np.isnan(behind).all(), feature.name
        assert np.isfinite(table[800 + feature.lookback - 1, column]), feature.name
    assert failing(same(table[800:], rows(panel[800:], ALL), scales(table))) == []


def test_a_feature_that_looks_ahead_is_caught() -> None:
    def tomorrow(panel: Panel) -> Floats:
        return np.append(panel.close[1:] / panel.close[:-1], 1.0)

    leaky = (Feature("tomorrow", "the next candle", 1, tomorrow),)
    panel = market(700, 2)
    whole, past = rows(panel, leaky), rows(panel[:650], leaky)
    assert not same(whole[:650], past, scales(whole)).all()


def test_an_unknown_feature_is_named_with_the_nearest_known() -> None:
    with pytest.raises(UnknownName, match="rsi_14"):
        features(["rsi_15"])


def test_names_are_unique_and_lookbacks_bounded() -> None:
    assert len({feature.text for feature in ALL if not feature.clock}) == sum(not feature.clock for feature in ALL)
    assert all(1 <= feature.lookback <= LONGEST_LOOKBACK for feature in ALL)
