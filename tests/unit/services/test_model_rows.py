"""What is shown of the models."""

from alphaplus_tui.kernel.meters import Histogram
from alphaplus_tui.services.rows.models import ModelRows
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY


def test_how_long_judging_takes_is_shown_in_milliseconds() -> None:
    state, latency = StateStore(), Histogram("candle_to_decision")
    latency.observe(0.25)
    ModelRows(state).latency(latency.reading())
    shown = state.inference[ONLY]
    assert (shown.p50_ms, shown.p99_ms) == (250.0, 250.0)
