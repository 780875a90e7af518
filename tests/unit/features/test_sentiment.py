"""News counts from the moment it was seen, and never before."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.features.panel import Panel
from alphaplus_tui.features.registry import features, rows
from alphaplus_tui.features.sentiment import SPECS
from tests.unit.features.markets import START_NS, market

ROWS = 700
CANDLE_NS = 300 * 10**9


def told(panel: Panel, *seen: tuple[int, float], since: int = START_NS) -> Panel:
    in_order = sorted(seen)
    return panel.with_mood(Mood(tuple(at for at, _ in in_order), tuple(score for _, score in in_order), since))


def test_a_headline_belongs_to_the_candle_during_which_it_was_seen() -> None:
    panel = market(4)
    opened = panel.open_time
    found = told(
        panel, (int(opened[1]), -0.5), (int(opened[1]) + 1, 0.25), (int(opened[2]), 0.5), (int(opened[3]), 1.0)
    )
    assert found.headlines.tolist() == [1, 2, 1, 0]
    assert found.mood.tolist() == [-0.5, 0.75, 1.0, 0.0]


def test_before_the_feeds_were_read_nothing_is_known() -> None:
    panel = market(4)
    found = told(panel, since=int(panel.open_time[1]) + 1)
    assert np.isnan(found.headlines[:2]).all()
    assert found.headlines[2:].tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(
    seen=st.lists(st.tuples(st.integers(0, ROWS * CANDLE_NS), st.floats(-1, 1)), max_size=60),
    cut=st.integers(300, ROWS - 1),
)
def test_headlines_of_later_leave_the_past_unchanged(seen: list[tuple[int, float]], cut: int) -> None:
    panel = market(ROWS)
    moments = [(START_NS + at, score) for at, score in seen]
    close = int(panel.close_time[cut])
    all_told = rows(told(panel, *moments), SPECS)
    then = rows(told(panel, *(row for row in moments if row[0] <= close)), SPECS)
    np.testing.assert_allclose(all_told[: cut + 1], then[: cut + 1], atol=1e-6, equal_nan=True)


def test_silence_is_a_neutral_mood_and_not_an_absent_one() -> None:
    table = rows(told(market(ROWS)), SPECS)
    assert (table[-1] == 0).all()


def test_good_news_lifts_the_mood_and_fades() -> None:
    panel = market(ROWS)
    found = told(panel, *((int(panel.open_time[400]) + n, 0.8) for n in range(1, 4)))
    chosen = features(["mood_24", "mood_turn_24", "headlines_24"])
    table = rows(found, chosen)
    np.testing.assert_allclose(table[399], 0)
    np.testing.assert_allclose(table[400], [0.6, 0.0, np.log(4)], atol=1e-6)
    np.testing.assert_allclose(table[424], [0.0, -0.6, 0.0], atol=1e-6)
