"""Trades that cannot be are told from those that can."""

import math

import pytest
from msgspec import structs

from alphaplus_tui.domain.plausibility import PriceLevel
from alphaplus_tui.domain.timeframe import DAY_NS
from tests.fakes.market_data import a_trade, an_instrument

TRADE = a_trade(an_instrument().id, 1, price=100.0)
NOW = TRADE.ts_event


def a_level() -> PriceLevel:
    level = PriceLevel()
    assert level.wrong_with(TRADE, NOW) == ""
    return level


@pytest.mark.parametrize(
    ("price", "says"),
    [(0.0, "price is 0.0"), (-1.0, "price is -1.0"), (math.nan, "not a number"), (math.inf, "not a number")],
)
def test_a_price_that_is_none_is_wrong(price: float, says: str) -> None:
    assert says in a_level().wrong_with(structs.replace(TRADE, price=price), NOW)


@pytest.mark.parametrize("quantity", [0.0, -2.0, math.nan, math.inf])
def test_a_quantity_that_is_none_is_wrong(quantity: float) -> None:
    assert "quantity" in a_level().wrong_with(structs.replace(TRADE, quantity=quantity), NOW)


@pytest.mark.parametrize("price", [10.0, 9.0, 1000.0, 1e9])
def test_a_price_ten_times_off_is_absurd(price: float) -> None:
    assert "absurdly far" in a_level().wrong_with(structs.replace(TRADE, price=price), NOW)


@pytest.mark.parametrize("price", [10.5, 50.0, 999.0])
def test_a_price_that_moved_a_lot_is_a_price(price: float) -> None:
    assert a_level().wrong_with(structs.replace(TRADE, price=price), NOW) == ""


def test_milliseconds_taken_for_microseconds_are_a_wrong_time() -> None:
    assert "a day off" in a_level().wrong_with(structs.replace(TRADE, ts_event=NOW // 1000), NOW)
    assert "a day off" in a_level().wrong_with(structs.replace(TRADE, ts_event=NOW + DAY_NS), NOW)


def test_a_fetched_trade_may_be_old() -> None:
    assert a_level().wrong_with(structs.replace(TRADE, ts_event=NOW - 9 * DAY_NS), None) == ""


def test_one_wrong_price_at_the_start_does_not_condemn_all_others() -> None:
    level = PriceLevel()
    assert level.wrong_with(structs.replace(TRADE, price=1e9), NOW) == ""
    verdicts = [level.wrong_with(TRADE, NOW) for _ in range(25)]
    assert verdicts[0] != ""
    assert verdicts[-1] == ""


def test_wrong_prices_that_do_not_agree_with_one_another_are_never_believed() -> None:
    level = a_level()
    for exponent in range(3, 60):
        assert level.wrong_with(structs.replace(TRADE, price=10.0 ** (exponent % 7 * 2 + 5)), NOW) != "", exponent
