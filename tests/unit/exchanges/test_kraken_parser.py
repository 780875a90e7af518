"""Kraken's frames, good and bad."""

import json

import pytest
from hypothesis import given, settings

from alphaplus_tui.domain.market import Channel, DayStatistics, OrderBook, Side, Ticker, Trade
from alphaplus_tui.exchanges.kraken.symbols import rest_name, stream_name
from alphaplus_tui.exchanges.shared.parsing import NotAskedFor, NotMarketData, Unusable
from alphaplus_tui.exchanges.shared.times import decimal_seconds_ns, rfc3339_ns
from tests.sessions import payloads, session
from tests.unit.exchanges.kraken_frames import (
    BTC,
    HEARTBEAT,
    NOW,
    OHLC,
    SNAPSHOT,
    STATUS,
    TICKER,
    TRADE,
    UPDATE,
    Desk,
    changed,
)
from tests.unit.exchanges.poison import poisoned

SECOND = 10**9


def test_a_trade() -> None:
    moment = rfc3339_ns("2024-10-03T02:46:57.708706Z")
    assert Desk().read(TRADE) == (Trade(BTC.id, "74411012", 74411012, 60812.3, 0.0125, Side.SELL, moment, NOW),)


def test_several_trades_in_one_frame_come_in_their_order() -> None:
    said = json.loads(TRADE)
    said["data"].append(said["data"][0] | {"trade_id": 74411013, "side": "buy"})
    desk = Desk()
    trades = desk.read(json.dumps(said))
    assert [(trade.seq, trade.side) for trade in trades] == [(74411012, Side.SELL), (74411013, Side.BUY)]
    assert (desk.pulses.of(BTC.id).trades, desk.pulses.of(BTC.id).last_seq) == (2, 74411013)


def test_trades_from_before_the_first_subscription_are_history_and_not_told() -> None:
    desk = Desk()
    assert desk.read(TRADE.replace('"update"', '"snapshot"')) == ()
    assert desk.pulses.of(BTC.id).last_seq == -1


def test_trades_that_happened_between_two_connections_are_told_by_the_second() -> None:
    desk = Desk()
    desk.read(TRADE)
    said = json.loads(TRADE.replace('"update"', '"snapshot"'))
    said["data"] += [said["data"][0] | {"trade_id": number} for number in (74411013, 74411014)]
    assert [trade.seq for trade in desk.read(json.dumps(said))] == [74411013, 74411014]


def test_best_prices_and_the_last_24_hours_come_in_one_frame() -> None:
    moment = rfc3339_ns("2024-10-03T02:46:57.050170Z")
    assert Desk().read(TICKER) == (
        Ticker(BTC.id, 60812.2, 0.53, 60812.3, 1.02, 0, moment, NOW),
        DayStatistics(BTC.id, 61000.0, 61500.0, 60001.0, 60812.3, 2158.32346723, 2158.32346723 * 60901.5, moment, NOW),
    )


def test_a_day_that_did_not_change_is_not_told_again() -> None:
    desk = Desk()
    desk.read(TICKER)
    (only,) = desk.read(changed(TICKER, bid=60812.1))
    assert isinstance(only, Ticker)


def test_only_what_was_asked_for_is_told() -> None:
    (only,) = Desk(frozenset({Channel.STATISTICS})).read(TICKER)
    assert isinstance(only, DayStatistics)
    with pytest.raises(NotAskedFor, match="trade of 'BTC/USD'"):
        Desk(frozenset({Channel.TICKER})).read(TRADE)


def test_an_empty_side_of_the_book_has_no_best_price_and_is_no_fault() -> None:
    (day,) = Desk().read(changed(TICKER, bid=0.0, bid_qty=0.0))
    assert isinstance(day, DayStatistics)


def test_a_book() -> None:
    desk = Desk()
    (book,) = desk.read(SNAPSHOT)
    assert isinstance(book, OrderBook)
    assert (book.bids[0].price, book.bids[0].quantity) == (0.12291, 27039.62776299)
    assert [level.price for level in book.asks[:3]] == [0.12307, 0.12308, 0.12312]
    (after,) = desk.read(UPDATE)
    assert after.bids[6].quantity == 6597.5173116
    assert after.sequence > book.sequence
    assert desk.needs.needed == []


@pytest.mark.parametrize("frame", [HEARTBEAT, STATUS, '{"method":"pong","req_id":1,"time_in":"x","time_out":"y"}'])
def test_what_is_said_beside_the_market_is_no_market_data(frame: str) -> None:
    with pytest.raises(NotMarketData):
        Desk().read(frame)


@pytest.mark.parametrize(
    ("good", "values"),
    [
        (TRADE, {"price": None}),
        (TRADE, {"price": 0}),
        (TRADE, {"price": -1.5}),
        (TRADE, {"price": 1e15}),
        (TRADE, {"price": "60812.3"}),
        (TRADE, {"qty": 0.0}),
        (TRADE, {"qty": 10**400}),
        (TRADE, {"trade_id": -1}),
        (TRADE, {"trade_id": 2**63}),
        (TRADE, {"trade_id": 1.5}),
        (TRADE, {"side": "both"}),
        (TRADE, {"timestamp": "2024-10-01T02:46:57.708706Z"}),
        (TRADE, {"timestamp": "1727923617"}),
        (TRADE, {"timestamp": "2024-13-03T02:46:57.7Z"}),
        (TICKER, {"bid": 60812.4}),
        (TICKER, {"ask": None}),
        (TICKER, {"high": -1.0}),
        (TICKER, {"volume": -1}),
        (SNAPSHOT, {"checksum": "x"}),
        (SNAPSHOT, {"bids": [{"price": 1.0}]}),
        (SNAPSHOT, {"bids": [{"price": "1.0", "qty": 1.0}]}),
        (SNAPSHOT, {"asks": [{"price": -1.0, "qty": 1.0}]}),
        (SNAPSHOT, {"asks": [{"price": None, "qty": 1.0}]}),
    ],
)
def test_what_cannot_be_is_refused(good: str, values: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        Desk().read(changed(good, **values))


@pytest.mark.parametrize("frame", ["NaN", "", "[1", '{"channel":"trade","data":' + "[" * 100_000, '{"channel":"ohlc"}'])
def test_nonsense_is_refused(frame: str) -> None:
    with pytest.raises(Unusable):
        Desk().read(frame)


def test_a_frame_of_64_megabytes_is_refused_unread() -> None:
    with pytest.raises(Unusable, match="67,108,864 bytes"):
        Desk().read(b" " * 2**26)


@settings(max_examples=100, deadline=None)
@given(frame=poisoned([TRADE, TICKER, OHLC, SNAPSHOT, UPDATE, STATUS]))
def test_whatever_comes_is_read_or_refused_and_no_book_is_ever_crossed(frame: bytes) -> None:
    desk = Desk()
    desk.read(SNAPSHOT)
    try:
        events = desk.read(frame)
    except (Unusable, NotMarketData):
        return
    for event in events:
        if isinstance(event, OrderBook) and event.bids and event.asks:
            assert event.bids[0].price < event.asks[0].price


def test_the_recorded_session_is_of_the_first_version_and_every_frame_of_it_is_called_so() -> None:
    frames, desk = [line.data for line in session("KRAKEN") if line.kind == "recv"], Desk()
    for frame in frames:
        with pytest.raises(Unusable, match="version 1"):
            desk.read(frame)
    assert len(frames) == 4430


def test_the_recorded_payloads_are_of_the_first_version_or_of_futures_and_called_so() -> None:
    rows = payloads("kraken")
    for row in rows:
        with pytest.raises(Unusable):
            Desk().read(row["raw"])
    assert len(rows) == 21


def test_bitcoin_and_dogecoin_have_another_name_in_rest() -> None:
    assert [stream_name(name) for name in ("XBT/USD", "XDG/XBT", "ETH/USD")] == ["BTC/USD", "DOGE/BTC", "ETH/USD"]
    assert [rest_name(name) for name in ("BTC/USD", "DOGE/BTC", "ETH/USD")] == ["XBTUSD", "XDGXBT", "ETHUSD"]


def test_moments_as_text() -> None:
    assert rfc3339_ns("1970-01-01T00:00:01Z") == SECOND
    assert rfc3339_ns("2026-08-09T21:05:48.228568804Z") % SECOND == 228568804
    assert rfc3339_ns("2026-08-09T21:05:38.50436Z") % SECOND == 504360000
    assert decimal_seconds_ns("1688669597.8277369", digits=6) == 1688669597827736000
    assert decimal_seconds_ns("1688669602") == 1688669602 * SECOND
    for text in ("", "yesterday", "2026-08-09", "2026-08-09T25:05:48Z", "2026-08-09T21:05:48+02:00"):
        with pytest.raises(ValueError, match=r"no moment|month|isoformat|invalid"):
            rfc3339_ns(text)
    for text in ("", "-1.5", "1e9", "x"):
        with pytest.raises(ValueError, match="no moment"):
            decimal_seconds_ns(text)
