"""Windows of closed candles as models are asked with them, and which of them close together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.models.server import panel_of
from alphaplus_tui.ports.model import COLUMNS, Window
from alphaplus_tui.services.moments import ANCHOR_WITHIN_S, HISTORY_WITHIN_S, REPAIR_WITHIN_S, Moments
from alphaplus_tui.services.windows import WINDOW, CandleWindows
from tests.fakes.artefacts import FIVE_MINUTES, LENGTH_NS, START_NS, some_candles
from tests.fakes.market_data import an_instrument

BTC, ETH, SOL = (an_instrument(f"{base}/USDT") for base in ("BTC", "ETH", "SOL"))
MANY = some_candles(BTC.id, 3000)


def opens_at(number: int) -> int:
    return START_NS + number * LENGTH_NS


def numbers(window: Window | None) -> list[int]:
    assert window is not None
    return [(int(opens) - START_NS) // LENGTH_NS for opens in np.frombuffer(window.open_times, "<i8")]


def test_a_window_holds_the_last_candles_until_a_moment_as_a_panel_reads_them() -> None:
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(MANY[:700])
    window = windows.window(BTC.id, opens_at(650))
    assert numbers(window) == list(range(51, 651))
    assert window is not None
    panel = panel_of(window)
    for name in COLUMNS:
        assert getattr(panel, name).tolist() == [getattr(candle, name) for candle in MANY[51:651]]


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 900))
def test_the_order_in_which_candles_come_does_not_matter(random: np.random.Generator, count: int) -> None:
    given_ = MANY[:count]
    random.shuffle(given_)
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(given_)
    assert numbers(windows.window(BTC.id, opens_at(count - 1))) == list(range(max(0, count - WINDOW), count))


def test_thousands_of_candles_take_no_more_room_and_the_newest_stay() -> None:
    windows = CandleWindows(FIVE_MINUTES)
    for number, candle in enumerate(MANY):
        windows.put((candle,))
        assert windows.last(BTC.id) == opens_at(number)
    assert numbers(windows.window(BTC.id, opens_at(2999))) == list(range(2400, 3000))
    assert windows.length(BTC.id, opens_at(2999)) == 1000


def test_a_correction_replaces_a_candle_and_an_old_one_does_not() -> None:
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(MANY[:600])
    windows.put((structs.replace(MANY[100], close=7.0, revision=2),))
    windows.put((structs.replace(MANY[100], close=8.0, revision=1),))
    window = windows.window(BTC.id, opens_at(599))
    assert window is not None
    assert panel_of(window).close[100] == 7.0
    assert windows.whole(BTC.id, opens_at(599))
    assert not windows.unrevised(BTC.id, opens_at(599))


@pytest.mark.parametrize("spoil", ["missing", "incomplete", "short"])
def test_a_window_with_a_hole_is_not_whole(spoil: str) -> None:
    windows = CandleWindows(FIVE_MINUTES)
    candles = MANY[:650]
    if spoil == "missing":
        del candles[300]
    elif spoil == "incomplete":
        candles[300] = structs.replace(candles[300], complete=False)
    else:
        candles = candles[60:]
    windows.put(candles)
    assert not windows.whole(BTC.id, opens_at(649))
    windows.put(MANY[:650])
    assert windows.whole(BTC.id, opens_at(649))


def test_a_forming_candle_stands_at_the_end_and_is_not_kept() -> None:
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(MANY[:700])
    forming = structs.replace(MANY[700], forming=True)
    windows.put((forming,))
    window = windows.window(BTC.id, opens_at(700), forming=forming)
    assert numbers(window) == list(range(101, 701))
    assert windows.last(BTC.id) == opens_at(699)


class Gathering:
    """Moments with two instruments and their anchor, whose history is loaded."""

    def __init__(self, *, patient: bool = False, loaded: bool = True) -> None:
        self.windows = CandleWindows(FIVE_MINUTES)
        self.moments = Moments(self.windows, patient=patient)
        self.moments.follow({i.id: i for i in (BTC, ETH, SOL)})
        if loaded:
            for instrument in (BTC, ETH, SOL):
                self.moments.loaded(instrument.id, 0.0)

    def close(self, instrument: InstrumentId, number: int, now: float) -> None:
        self.windows.put((structs.replace(MANY[number], instrument=instrument),))
        self.moments.add(instrument, opens_at(number), now)

    def taken(self, now: float) -> list[str]:
        found = self.moments.take(now)
        return [] if found is None else [name.removeprefix("fake:").removesuffix("/USDT") for name in found.instruments]


def test_what_has_closed_is_taken_together_at_once_and_nobody_waits_for_those_that_are_late() -> None:
    gathering = Gathering()
    gathering.close(BTC.id, 0, 10.0)
    gathering.close(ETH.id, 0, 10.0)
    assert gathering.taken(10.0) == ["BTC", "ETH"]
    assert gathering.taken(10.0) == []
    gathering.close(SOL.id, 0, 11.0)
    assert gathering.taken(11.0) == ["SOL"]


def test_what_is_ready_is_so_since_the_last_that_it_needs_was_heard_of() -> None:
    gathering = Gathering()
    gathering.close(ETH.id, 0, 10.0)
    gathering.close(BTC.id, 0, 10.5)
    gathered = gathering.moments.take(11.0)
    assert gathered is not None
    assert (gathered.instruments, gathered.ready_at) == ((BTC.id, ETH.id), 10.5)
    gathering.windows.put((structs.replace(MANY[1], complete=False),))
    gathering.moments.add(BTC.id, opens_at(1), 20.0)
    whole = structs.replace(MANY[1], revision=1)
    gathering.windows.put((whole,))
    gathering.moments.add(BTC.id, opens_at(1), 21.0)
    repaired = gathering.moments.take(22.0)
    assert repaired is not None
    assert repaired.ready_at == 21.0


def test_what_is_judged_without_its_anchor_was_never_ready() -> None:
    gathering = Gathering()
    gathering.close(ETH.id, 0, 10.0)
    gathered = gathering.moments.take(10.0 + 1.1 * ANCHOR_WITHIN_S)
    assert gathered is not None
    assert gathered.ready_at is None


def test_an_instrument_waits_for_its_anchor_for_a_while() -> None:
    gathering = Gathering()
    gathering.close(ETH.id, 0, 10.0)
    assert gathering.taken(10.0 + 0.9 * ANCHOR_WITHIN_S) == []
    assert gathering.taken(10.0 + 1.1 * ANCHOR_WITHIN_S) == ["ETH"]


def test_a_candle_that_misses_trades_waits_for_the_whole_one_for_a_while() -> None:
    gathering = Gathering()
    gathering.windows.put((structs.replace(MANY[0], complete=False),))
    gathering.moments.add(BTC.id, opens_at(0), 10.0)
    assert gathering.taken(10.0 + 0.9 * REPAIR_WITHIN_S) == []
    gathering.windows.put((structs.replace(MANY[0], revision=1),))
    assert gathering.taken(10.0 + 0.9 * REPAIR_WITHIN_S) == ["BTC"]
    gathering.windows.put((structs.replace(MANY[1], complete=False),))
    gathering.moments.add(BTC.id, opens_at(1), 30.0)
    assert gathering.taken(30.0 + 1.1 * REPAIR_WITHIN_S) == ["BTC"]


def test_a_first_candle_waits_for_the_history_before_it_for_a_while() -> None:
    gathering = Gathering(loaded=False)
    gathering.close(BTC.id, 0, 10.0)
    assert gathering.taken(10.0 + 0.9 * HISTORY_WITHIN_S) == []
    gathering.moments.loaded(BTC.id, 12.0)
    assert gathering.taken(10.0 + 0.9 * HISTORY_WITHIN_S) == ["BTC"]


def test_a_recording_waits_for_all_or_for_the_next_moment_however_late_it_is() -> None:
    gathering = Gathering(patient=True, loaded=False)
    gathering.close(ETH.id, 0, 10.0)
    gathering.close(BTC.id, 0, 10.0)
    assert gathering.taken(1e6) == []
    gathering.close(BTC.id, 1, 10.0)
    assert gathering.taken(10.0) == ["BTC", "ETH"]
    gathering.moments.end()
    assert gathering.taken(10.0) == ["BTC"]


def test_a_candle_is_judged_once_also_one_that_closes_after_those_behind_it() -> None:
    moments = Gathering().moments
    assert moments.add(BTC.id, opens_at(5), 0.0)
    assert not moments.add(BTC.id, opens_at(5), 0.0)
    assert moments.add(BTC.id, opens_at(4), 0.0)
    assert not moments.add(BTC.id, opens_at(4), 0.0)
    assert moments.add(BTC.id, opens_at(6), 0.0)
