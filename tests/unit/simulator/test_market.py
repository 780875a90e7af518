"""The market hands out each trade once, when its time has come, and finds it again ever after."""

from itertools import islice, pairwise

import pytest

from alphaplus_tui.simulator.candles import INTERVALS, SimCandle, end_of, merged, start_of, starts
from alphaplus_tui.simulator.history import START_MS
from alphaplus_tui.simulator.instruments import listed
from alphaplus_tui.simulator.kinds import KINDS
from alphaplus_tui.simulator.market import Market, TakerOrder

NOON_MS = START_MS + 2800 * 86_400_000 + 43_200_000 + 20_000


def market(*, now_ms: int = NOON_MS, rate: float = 60.0, symbols: int = 5) -> Market:
    return Market(KINDS["demo"], 7, rate, symbols, now_ms=now_ms)


def candle_of(orders: list[TakerOrder]) -> tuple[int, ...]:
    """Open, high, low, close, volume, trades, bought volume, value: summed the plain way."""
    return (
        orders[0].price,
        max(order.price for order in orders),
        min(order.price for order in orders),
        orders[-1].price,
        sum(sum(order.lots) for order in orders),
        sum(len(order.lots) for order in orders),
        sum(sum(order.lots) for order in orders if order.bought),
        sum(sum(order.lots) * order.price for order in orders),
    )


def numbers(candle: SimCandle) -> tuple[int, ...]:
    return (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.trades,
        candle.buy_volume,
        candle.value,
    )


def test_live_trades_continue_the_past_without_a_hole() -> None:
    live = market()
    expected = {instrument.symbol: live.next_trade_id(instrument) for instrument in live.instruments}
    for now_ms in range(NOON_MS, NOON_MS + 150_000, 700):
        for order in live.advance(now_ms):
            assert order.time_ms <= now_ms
            assert order.first_trade_id == expected[order.instrument.symbol]
            expected[order.instrument.symbol] += len(order.lots)
    assert {instrument.symbol: live.next_trade_id(instrument) for instrument in live.instruments} == expected


def test_what_happened_live_is_what_a_later_run_remembers() -> None:
    live = market()
    happened = live.advance(NOON_MS + 100_000)
    later = market(now_ms=NOON_MS + 5_000_000)
    for instrument in live.instruments:
        mine = [order for order in happened if order.instrument is instrument]
        remembered = islice(later.orders_from_id(instrument, mine[0].order_id), len(mine))
        assert [(order.time_ms, order.first_trade_id, order.price, order.lots) for order in remembered] == [
            (order.time_ms, order.first_trade_id, order.price, order.lots) for order in mine
        ]


def test_orders_are_found_by_trade_id_even_from_the_middle_of_an_order() -> None:
    live = market()
    instrument = live.instruments[0]
    several = next(order for order in live.orders_since(instrument, NOON_MS - 60_000) if len(order.lots) > 1)
    found = next(live.orders_from_trade(instrument, several.first_trade_id + 1))
    assert found == several


def test_nothing_is_remembered_that_has_not_happened() -> None:
    live = market()
    for instrument in live.instruments:
        assert [*live.orders_from_trade(instrument, live.next_trade_id(instrument))] == []
        assert [*live.orders_from_trade(instrument, 10**15)] == []
        assert all(order.time_ms <= NOON_MS for order in live.orders_since(instrument, NOON_MS - 5000))


@pytest.mark.parametrize("interval", ["1s", "1m", "3m", "15m"])
def test_recent_candles_are_the_sums_of_their_trades(interval: str) -> None:
    live = market()
    instrument = live.instruments[0]
    orders = [*live.orders_since(instrument, NOON_MS - 3_000_000)]
    opens = starts(interval, None, NOON_MS, 3, now_ms=NOON_MS)
    compared = 0
    for candle in live.candles.several(instrument, interval, opens):
        end_ms = end_of(interval, candle.start_ms)
        within = [order for order in orders if candle.start_ms <= order.time_ms < end_ms]
        if within:
            assert numbers(candle) == candle_of(within)
            assert candle.first_trade_id == within[0].first_trade_id
            compared += 1
        else:
            assert candle.open == candle.close
            assert candle.trades == 0
    assert compared > 0


@pytest.mark.parametrize(
    ("interval", "smaller", "count"),
    [("5m", "1m", 5), ("1h", "5m", 12), ("4h", "1h", 4), ("1d", "4h", 6), ("3d", "1d", 3), ("1w", "1d", 7)],
)
def test_candles_are_the_sums_of_smaller_ones(interval: str, smaller: str, count: int) -> None:
    live = market()
    instrument = live.instruments[1]
    opens = starts(interval, NOON_MS - 60 * 86_400_000, None, 3, now_ms=NOON_MS)
    for candle in live.candles.several(instrument, interval, opens):
        parts = starts(smaller, candle.start_ms, None, count, now_ms=NOON_MS)
        assert end_of(smaller, parts[-1]) == end_of(interval, candle.start_ms)
        assert merged([*live.candles.several(instrument, smaller, parts)]) == candle


def test_the_forming_candle_holds_what_happened_so_far() -> None:
    live = market()
    instrument = live.instruments[0]
    for now_ms in (NOON_MS, NOON_MS + 7_000, NOON_MS + 39_999, NOON_MS + 40_000, NOON_MS + 61_000):
        live.advance(now_ms)
        start_ms = start_of("5m", now_ms)
        within = [*live.orders_since(instrument, start_ms)]
        candle = live.candles.candle(instrument, start_ms, end_of("5m", start_ms))
        assert numbers(candle) == candle_of(within)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_follow_each_other_without_a_gap(interval: str) -> None:
    opens = starts(interval, None, None, 20, now_ms=NOON_MS)
    assert len(opens) == 20
    assert opens[-1] <= NOON_MS < end_of(interval, opens[-1])
    assert all(end_of(interval, earlier) == later for earlier, later in pairwise(opens))


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    assert start_of("1w", 1_723_161_253_000) == 1_722_816_000_000
    assert start_of("1M", 1_723_161_253_000) == 1_722_470_400_000
    assert end_of("1M", 1_722_470_400_000) == 1_725_148_800_000


def test_there_are_no_candles_before_the_market_opened() -> None:
    assert starts("1d", 0, None, 2, now_ms=NOON_MS) == (START_MS, START_MS + 86_400_000)
    assert starts("1d", None, START_MS - 1, 5, now_ms=NOON_MS) == ()


def test_five_hundred_instruments_have_names_of_their_own() -> None:
    instruments = listed(500)
    assert len({instrument.symbol for instrument in instruments}) == 500
    assert [instrument.symbol for instrument in instruments[:3]] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    with pytest.raises(ValueError, match="between 1 and 500, not 501"):
        listed(501)


def test_prices_quantities_and_values_are_written_digit_for_digit() -> None:
    bitcoin, doge = listed(6)[0], listed(6)[5]
    assert bitcoin.price(6182800) == "61828.00000000"
    assert bitcoin.quantity(5) == "0.00005000"
    assert bitcoin.value(6182801 * 5) == "3.09140050"
    assert doge.value(123456) == "1.23456000"
