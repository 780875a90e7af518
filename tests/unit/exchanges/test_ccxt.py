"""What is made of ccxt's values, errors and addresses; nothing here asks an exchange."""

from typing import Any

import ccxt
import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Level, OrderBook, Provenance, Side
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, Disconnected, ProtocolError, VenueUnavailable
from alphaplus_tui.exchanges.ccxt.errors import translated
from alphaplus_tui.exchanges.ccxt.library import redirected
from alphaplus_tui.exchanges.ccxt.names import CCXT_NAMES
from alphaplus_tui.exchanges.ccxt.prints import Prints
from alphaplus_tui.exchanges.ccxt.values import book_of, candle_of, instrument_of, statistics_of, ticker_of
from alphaplus_tui.exchanges.shared.parsing import Unusable
from tests.exchange_names import FILE, names_module

NOW = 1_723_161_240_000_000_000
MS = NOW // 1_000_000
BTC = Instrument("okx", "BTC/USDT", "BTC-USDT", "BTC", "USDT", 0.1, 0.001, numbered=False)
COUNTED = Instrument("binanceus", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.1, 0.001)


def a_row(**changed: Any) -> dict[str, Any]:
    return {"id": "a1", "timestamp": MS, "price": 100.5, "amount": 0.25, "side": "sell"} | changed


def test_the_names_are_those_that_the_installed_ccxt_has() -> None:
    assert frozenset(ccxt.exchanges) == CCXT_NAMES
    assert FILE.read_text() == names_module()


def test_a_trade_is_what_the_exchange_said() -> None:
    (trade,), wrong = Prints(BTC).read([a_row()], NOW, Provenance.LIVE)
    assert (trade.trade_id, trade.seq, trade.price, trade.quantity, trade.side) == ("a1", NOW, 100.5, 0.25, Side.SELL)
    assert not wrong


def test_where_trades_are_numbered_the_number_orders_them() -> None:
    rows = [a_row(id="12", timestamp=MS + 5), a_row(id="11", timestamp=MS + 9)]
    trades, _ = Prints(COUNTED).read(rows, NOW, Provenance.LIVE)
    assert [trade.seq for trade in trades] == [11, 12]
    assert Prints(COUNTED).read([a_row(id="x")], NOW, Provenance.LIVE) == ([], ["id is 'x', not a number"])


@pytest.mark.parametrize(
    "changed",
    [
        *({"price": value} for value in (None, 0, -1.0, float("nan"), float("inf"), 1e300, "x", True, [1])),
        *({"amount": value} for value in (None, 0, float("nan"), 1e300)),
        *({"timestamp": value} for value in (-1, 1e300, float("nan"), "now", 10**18)),
    ],
    ids=str,
)
def test_a_trade_that_cannot_be_is_set_aside_with_its_reason(changed: dict[str, Any]) -> None:
    trades, wrong = Prints(BTC).read([a_row(**changed), a_row(id="a2")], NOW, Provenance.LIVE)
    assert [trade.trade_id for trade in trades] == ["a2"]
    assert next(iter(changed)) in wrong[0]


def test_control_characters_in_an_identity_are_gone() -> None:
    (trade,), _ = Prints(BTC).read([a_row(id="a\x1b[31m" + "9" * 500)], NOW, Provenance.LIVE)
    assert "\x1b" not in trade.trade_id
    assert len(trade.trade_id) <= 80


def test_trades_without_an_identity_are_told_apart_by_what_they_are() -> None:
    prints = Prints(BTC)
    twins = [a_row(id=None), a_row(id=None), a_row(id=None, price=101.0)]
    first, hole = prints.new(prints.read(twins, NOW, Provenance.LIVE)[0])
    assert len({trade.trade_id for trade in first}) == 3
    assert not hole
    again, hole = prints.new(prints.read([*twins, a_row(id=None, timestamp=MS + 1)], NOW, Provenance.LIVE)[0])
    assert [trade.ts_event for trade in again] == [NOW + 1_000_000]
    assert not hole


def test_where_the_taker_is_not_told_the_direction_of_the_price_tells_it() -> None:
    prices = (100.0, 101.0, 101.0, 99.0, 99.0)
    rows = [a_row(id=str(n), price=price, side=None) for n, price in enumerate(prices)]
    trades, _ = Prints(BTC).read(rows, NOW, Provenance.LIVE)
    assert [trade.side for trade in trades[1:]] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL]


def test_an_answer_that_knows_none_of_the_trades_before_may_have_a_hole_before_it() -> None:
    prints = Prints(BTC)

    def holes(*ids: str) -> bool:
        return prints.new(prints.read([a_row(id=name) for name in ids], NOW, Provenance.LIVE)[0])[1]

    assert [holes("1", "2"), holes("2", "3"), holes("5", "6"), holes(), holes("6")] == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_of_what_ccxt_keeps_only_what_was_added_is_read() -> None:
    prints, rows = Prints(BTC), [a_row(id=str(n)) for n in range(6)]
    assert prints.tail(rows[:2]) == (rows[:2], False)
    assert prints.tail(rows[:2]) == ([], False)
    assert prints.tail(rows[1:4]) == (rows[2:4], False)
    assert prints.tail(rows[5:]) == (rows[5:], True)


def test_best_prices_and_statistics_are_told_where_they_are_whole() -> None:
    row = {"bid": 1.0, "ask": 2.0, "bidVolume": None, "askVolume": 3.0, "timestamp": None}
    ticker = ticker_of(BTC, row, NOW)
    assert ticker is not None
    assert (ticker.bid_quantity, ticker.ask_quantity, ticker.ts_event) == (0.0, 3.0, NOW)
    assert ticker_of(BTC, {"bid": None, "ask": 2.0}, NOW) is None
    with pytest.raises(Unusable, match=r"bid 3\.0 above ask 2\.0"):
        ticker_of(BTC, {"bid": 3.0, "ask": 2.0}, NOW)
    day = {"open": 1.0, "high": 3.0, "low": 0.5, "last": 2.0, "baseVolume": 10.0, "quoteVolume": 20.0}
    assert statistics_of(BTC, day, NOW) is not None
    assert statistics_of(BTC, day | {"baseVolume": None}, NOW) is None
    with pytest.raises(Unusable):
        statistics_of(BTC, day | {"low": 4.0}, NOW)


def test_a_crossed_book_is_never_shown() -> None:
    book = book_of(BTC, {"bids": [[1.0, 2.0, 7]] * 30, "asks": [[2.0, 1.0]], "nonce": 5, "timestamp": MS}, NOW)
    assert isinstance(book, OrderBook)
    assert (len(book.bids), book.asks, book.sequence) == (25, (Level(2.0, 1.0),), 5)
    assert book_of(BTC, {"bids": [], "asks": [[2.0, 1.0]]}, NOW) is None
    for bids in ([[2.0, 1.0]], [[float("nan"), 1.0]], [["x", 1.0]]):
        with pytest.raises(Unusable):
            book_of(BTC, {"bids": bids, "asks": [[2.0, 1.0]]}, NOW)


def test_a_candle_that_ends_later_is_forming() -> None:
    row = [MS - 30_000, 1.0, 2.0, 0.5, 1.5, None]
    candle = candle_of(BTC, Timeframe("1m"), row, NOW)
    assert candle.forming
    assert candle.volume == 0.0
    assert not candle_of(BTC, Timeframe("1m"), [MS - 60_000, *row[1:]], NOW).forming
    for wrong in ([MS, 1.0, 0.9, 0.5, 1.5, 1], ["x", 1, 2, 0.5, 1, 1], [MS, None, 2, 0.5, 1, 1]):
        with pytest.raises(Unusable):
            candle_of(BTC, Timeframe("1m"), wrong, NOW)


@pytest.mark.parametrize(("mode", "precision", "step"), [(4, 0.01, 0.01), (2, 3, 0.001), (3, 5, 1e-8), (4, None, 1e-8)])
def test_steps_are_read_as_the_exchange_means_them(mode: int, precision: float | None, step: float) -> None:
    market = {"symbol": "A/B", "id": "AB", "base": "A", "quote": "B", "precision": {"price": precision, "amount": 1}}
    assert instrument_of("okx", market, mode, numbered=False).price_step == pytest.approx(step)


def test_addresses_keep_their_paths() -> None:
    urls = {"ws": {"spot": "wss://a.example:9443/ws"}, "v1": "https://{hostname}/api/v1", "host": "x"}
    assert redirected(urls, "http://127.0.0.1:1", "ws://127.0.0.1:2/") == {
        "ws": {"spot": "ws://127.0.0.1:2/ws"},
        "v1": "http://127.0.0.1:1/api/v1",
        "host": "x",
    }
    assert redirected(urls, None, None) == urls


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (ccxt.OnMaintenance("later"), VenueUnavailable),
        (ccxt.BadResponse("<html>"), VenueUnavailable),
        (ccxt.RequestTimeout("slow"), DeadlineExceeded),
        (ccxt.NetworkError("reset"), Disconnected),
        (ccxt.ChecksumError("book"), Disconnected),
        (ccxt.ExchangeClosedByUser("closed"), Disconnected),
        (ccxt.AuthenticationError("key"), ProtocolError),
        (ccxt.ExchangeError("no"), ProtocolError),
        (KeyError("price"), ProtocolError),
        (ConnectionResetError("reset"), Disconnected),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_errors_of_ccxt_say_whether_to_try_again(raised: Exception, meant: type[AlphaPlusError]) -> None:
    assert type(translated(raised)) is meant


def test_a_page_instead_of_json_is_maintenance() -> None:
    error = translated(TypeError("string indices"), None, "<html><body>back soon\x1b[2J")
    assert isinstance(error, VenueUnavailable)
    assert "\x1b" not in str(error)
