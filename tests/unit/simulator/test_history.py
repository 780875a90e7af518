"""The market is a function of seed and time, and its candles are the sums of its trades."""

import numpy as np
import pytest

from alphaplus_tui.simulator.history import Day, History
from alphaplus_tui.simulator.instruments import listed
from alphaplus_tui.simulator.kinds import KINDS
from alphaplus_tui.simulator.tape import Tapes
from alphaplus_tui.simulator.walks import COMMON, DAYS, MINUTES, Walk

DEMO = KINDS["demo"]
TODAY = 2800


def history(seed: int = 7, *, rate: float = 40.0, symbols: int = 12) -> History:
    return History(DEMO, seed, rate, listed(symbols))


def hours_around_midnight() -> range:
    return range(TODAY * MINUTES - 60, TODAY * MINUTES + 60)


@pytest.mark.parametrize(("rate", "symbols", "index"), [(40, 12, 0), (40, 12, 11), (2000, 50, 3), (5, 500, 450)])
def test_the_trades_of_a_minute_add_up_to_its_candle(rate: float, symbols: int, index: int) -> None:
    past = history(rate=rate, symbols=symbols)
    tapes, instrument = Tapes(past), past.instruments[index]
    traded = 0
    for minute in hours_around_midnight():
        tape = tapes.minute(instrument, minute)
        day, of_day = past.day(instrument, minute // MINUTES), minute % MINUTES
        assert len(tape.price) == day.orders[of_day]
        assert len(tape.lots) == day.trades[of_day]
        assert tape.lots.sum() == day.volume[of_day]
        assert tape.lots[np.repeat(tape.bought, np.diff(tape.first))].sum() == day.buy_volume[of_day]
        if not len(tape.price):
            assert day.open[of_day] == day.high[of_day] == day.low[of_day] == day.close[of_day]
            continue
        traded += 1
        assert tape.price[0] == day.open[of_day]
        assert tape.price.max() == day.high[of_day]
        assert tape.price.min() == day.low[of_day]
        assert tape.price[-1] == day.close[of_day]
        assert tape.lots.min() >= 1
        assert (np.diff(tape.time_ms) >= 0).all()
    assert traded > 0


@pytest.mark.parametrize("index", [0, 11])
def test_trade_and_aggregate_ids_have_no_holes_over_midnight(index: int) -> None:
    past = history()
    tapes, instrument = Tapes(past), past.instruments[index]
    minutes = hours_around_midnight()
    first = tapes.minute(instrument, minutes[0])
    next_trade, next_order = first.first_trade_id, first.first_order_id
    for minute in minutes:
        tape = tapes.minute(instrument, minute)
        assert (tape.first_trade_id, tape.first_order_id) == (next_trade, next_order)
        next_trade += len(tape.lots)
        next_order += len(tape.price)


def test_a_day_begins_where_the_last_one_ended() -> None:
    past = history()
    for instrument in past.instruments:
        yesterday, today = past.day(instrument, TODAY - 1), past.day(instrument, TODAY)
        assert abs(int(today.open[0]) - int(yesterday.close[-1])) <= max(1, abs(int(today.close[0] - today.open[0])))
        assert (np.abs(today.open[1:] - today.close[:-1])[today.orders[1:] > 1] <= 1).all()


def test_the_same_seed_gives_the_same_market_in_whatever_order_it_is_asked() -> None:
    forwards, backwards = history(), history()
    instrument = forwards.instruments[2]
    there = [forwards.day(instrument, day) for day in range(TODAY, TODAY + 5)]
    back = [backwards.day(instrument, day) for day in reversed(range(TODAY, TODAY + 5))]
    for one, other in zip(there, reversed(back), strict=True):
        assert (one.close == other.close).all()
        assert (one.volume == other.volume).all()
        assert (one.first_trade == other.first_trade).all()


def test_another_seed_gives_another_market() -> None:
    one, other = history(7), history(8)
    instrument = one.instruments[0]
    assert (one.day(instrument, TODAY).close != other.day(instrument, TODAY).close).any()


def test_prices_do_not_depend_on_the_rate() -> None:
    slow, fast = history(rate=40), history(rate=2000)
    instrument = slow.instruments[0]
    assert (slow.day(instrument, TODAY).close == fast.day(instrument, TODAY).close).all()


def test_every_day_holds_the_trades_that_the_rate_promises() -> None:
    past = history(rate=100)
    total = sum(int(past.day(instrument, TODAY).trades.sum()) for instrument in past.instruments)
    assert total == pytest.approx(100 * 86_400, rel=1e-3)


def returns(day: Day) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.diff(np.log(day.close.astype(np.float64)))


def test_instruments_move_together() -> None:
    past = history()
    bitcoin, ether = (
        np.concatenate([returns(past.day(past.instruments[index], TODAY + day)) for day in range(5)])
        for index in (0, 1)
    )
    assert 0.3 < np.corrcoef(bitcoin, ether)[0, 1] < 0.95


def test_volatility_comes_in_clusters_and_direction_does_not() -> None:
    past = history()
    moves = np.concatenate([returns(past.day(past.instruments[0], TODAY + day)) for day in range(20)])
    sizes = np.abs(moves)
    assert np.corrcoef(sizes[:-5], sizes[5:])[0, 1] > 0.1
    assert abs(np.corrcoef(moves[:-1], moves[1:])[0, 1]) < 0.03


def test_trades_arrive_in_clusters() -> None:
    past = history()
    tapes, instrument = Tapes(past), past.instruments[0]
    seconds = np.concatenate(
        [
            np.bincount((tapes.minute(instrument, minute).time_ms // 1000 % 60).astype(np.int64), minlength=60)
            for minute in hours_around_midnight()
        ]
    )
    assert seconds.var() > 1.5 * seconds.mean()


def test_a_walk_stays_within_its_bound_and_its_minutes_reach_the_next_midnight() -> None:
    walk = Walk(DEMO, 7, COMMON, volatility=0.03, bound=0.4)
    assert np.abs(walk.midnights).max() <= 0.4
    for day in (0, TODAY, DAYS - 1):
        assert walk.midnights[day] + walk.day(day).returns.sum() == pytest.approx(walk.midnights[day + 1])
