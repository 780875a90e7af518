"""Coinbase's frames, good and bad, and a recorded session of them."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings

from alphaplus_tui.domain.market import Channel, DayStatistics, OrderBook, Side, Ticker, Trade
from alphaplus_tui.exchanges.shared.parsing import NotAskedFor, NotMarketData, Unusable
from alphaplus_tui.exchanges.shared.times import rfc3339_ns
from tests.sessions import session
from tests.unit.exchanges.coinbase_frames import (
    BTC,
    BTC_USDC,
    ETH,
    NOW,
    Desk,
    a_frame,
    book_frame,
    candles_frame,
    heartbeat,
    snapshot,
    subscribed,
    ticker_frame,
    trades_frame,
)
from tests.unit.exchanges.poison import poisoned


def test_a_trade_whose_resting_order_sold_was_bought_by_who_was_in_a_hurry() -> None:
    moment = rfc3339_ns("2026-08-09T21:05:42.514318Z")
    assert Desk().read(trades_frame(1068572090)) == (
        Trade(BTC.id, "1068572090", 1068572090, 65083.67, 0.002186, Side.BUY, moment, NOW),
    )
    (sold,) = Desk().read(trades_frame(1, side="BUY"))
    assert sold.side is Side.SELL


def test_trades_of_one_frame_come_newest_first_and_are_told_oldest_first() -> None:
    desk = Desk()
    assert [trade.seq for trade in desk.read(trades_frame(12, 11, 13, 10))] == [10, 11, 12, 13]
    assert (desk.pulses.of(BTC.id).trades, desk.pulses.of(BTC.id).last_seq) == (4, 13)


def test_trades_from_before_the_first_subscription_are_history_and_not_told() -> None:
    desk = Desk()
    assert desk.read(trades_frame(12, 11, kind="snapshot")) == ()
    assert desk.pulses.of(BTC.id).last_seq == -1


def test_trades_that_happened_between_two_connections_are_told_by_the_second() -> None:
    desk = Desk()
    desk.read(trades_frame(11))
    again = desk.read(trades_frame(14, 13, 12, 11, 10, kind="snapshot", number=1))
    assert [trade.seq for trade in again] == [12, 13, 14]


def test_best_prices_and_the_last_24_hours_come_in_one_frame() -> None:
    best, day = Desk().read(ticker_frame())
    moment = rfc3339_ns("2026-08-09T21:05:48.542059328Z")
    assert best == Ticker(BTC.id, 65083.66, 0.20371215, 65083.67, 0.24290402, 0, moment, NOW)
    assert isinstance(day, DayStatistics)
    assert (day.open, day.high, day.low, day.last) == (65023.75, 65252.99, 64675.22, 65086.18)
    assert day.volume == 2867.54532609
    assert day.quote_volume == pytest.approx(186_637_571.25, rel=0.01)


def test_two_instruments_that_share_a_book_are_told_both() -> None:
    desk = Desk(instruments=(BTC, BTC_USDC))
    assert [trade.instrument for trade in desk.read(trades_frame(7))] == [BTC.id, BTC_USDC.id]
    assert [book.instrument for book in desk.read(snapshot(1))] == [BTC.id, BTC_USDC.id]


def test_a_stream_that_nobody_asked_for_is_told_apart() -> None:
    with pytest.raises(NotAskedFor, match="level2 of 'BTC-USD'"):
        Desk(frozenset({Channel.TRADE})).read(snapshot())


@pytest.mark.parametrize(
    "frame", [heartbeat(0), subscribed(0, level2=["BTC-USD"]), '{"type":"error","message":"rate limit exceeded"}']
)
def test_what_is_said_beside_the_market_is_no_market_data(frame: str) -> None:
    with pytest.raises(NotMarketData):
        Desk().read(frame)


def test_a_channel_that_is_not_spoken_is_named_and_leaves_no_hole_in_the_numbers() -> None:
    desk = Desk()
    desk.read(snapshot(0))
    with pytest.raises(Unusable, match="channel 'status': not supported"):
        desk.read(a_frame("status", {"type": "update", "products": []}, number=1))
    assert desk.read(book_frame([("bid", "65083.66", "1.0")], number=2))
    assert desk.needs.needed == []


@pytest.mark.parametrize(
    "frame",
    [
        trades_frame(1, price="0"),
        trades_frame(1, price="-1"),
        trades_frame(1, price="nan"),
        trades_frame(1, price=None),
        trades_frame(1, price="1e400"),
        trades_frame(1, size="0"),
        trades_frame(1, trade_id="-3"),
        trades_frame(1, trade_id="9" * 30),
        trades_frame(1, trade_id="34b080bf-fcfd-445a-832b-46b5ddc65601"),
        trades_frame(1, side="UNKNOWN"),
        trades_frame(1, time="2026-08-01T21:05:42.5Z"),
        trades_frame(1, time="just now"),
        ticker_frame(best_bid="65083.68"),
        ticker_frame(high_24_h="-1"),
        ticker_frame(price_percent_chg_24_h="-100"),
        ticker_frame(best_ask=""),
        book_frame([("bid", "-1", "1")]),
        book_frame([("bid", "1", "inf")]),
        book_frame([("middle", "1", "1")]),
    ],
)
def test_what_cannot_be_is_refused(frame: str) -> None:
    desk = Desk()
    desk.read(snapshot())
    with pytest.raises(Unusable):
        desk.read(frame)


def test_a_frame_of_64_megabytes_is_refused_unread() -> None:
    with pytest.raises(Unusable, match="67,108,864 bytes"):
        Desk().read(b" " * 2**26)


CHART = candles_frame("1786309200", "1786309500")


@settings(max_examples=100, deadline=None)
@given(
    frame=poisoned(
        [trades_frame(3, 2), ticker_frame(), book_frame([("bid", "65083.70", "1")], number=1), CHART, heartbeat(1)]
    )
)
def test_whatever_comes_is_read_or_refused_and_no_book_is_ever_crossed(frame: bytes) -> None:
    desk = Desk()
    desk.read(snapshot())
    try:
        events = desk.read(frame)
    except (Unusable, NotMarketData):
        return
    for event in events:
        if isinstance(event, OrderBook) and event.bids and event.asks:
            assert event.bids[0].price < event.asks[0].price


def recorded_frames() -> list[tuple[bytes, int]]:
    """Each frame and when it came (UTC ns)."""
    return [(line.data.encode(), line.ts_recv) for line in session("COINBASE") if line.kind == "recv"]


def test_every_frame_of_the_recorded_session_is_read_or_named() -> None:
    desk, kinds, told = Desk(), Counter[str](), Counter[str]()
    for frame, ts_recv in recorded_frames():
        try:
            events = desk.read(frame, ts_recv)
        except NotMarketData:
            kinds["beside the market"] += 1
        except Unusable as error:
            kinds[str(error)] += 1
        else:
            kinds["read"] += 1
            told.update(type(event).__name__ for event in events)
    assert kinds == {"read": 775 + 160 + 59 + 6, "beside the market": 25 + 5}
    assert told["OrderBook"] == 775
    assert (told["Trade"], told["Ticker"]) == (79, 160)
    assert told["Candle"] == 2 * 100 + 4
    assert desk.needs.needed == []


def test_the_recorded_trades_are_numbered_without_a_hole_and_told_in_their_order() -> None:
    desk = Desk(frozenset({Channel.TRADE}))
    seqs: dict[str, list[int]] = {BTC.id: [], ETH.id: []}
    for frame, ts_recv in recorded_frames():
        with suppress(NotMarketData, Unusable):
            for trade in desk.read(frame, ts_recv):
                seqs[trade.instrument].append(trade.seq)
    for told in seqs.values():
        assert told == list(range(told[0], told[0] + len(told)))
        assert len(told) > 30


def test_the_recorded_buyers_paid_the_better_price_of_the_other_side() -> None:
    """A taker who buys pays the best ask or more, one who sells gets the best bid or less."""
    desk, book, right, wrong = Desk(), dict[str, OrderBook](), 0, 0
    for frame, ts_recv in recorded_frames():
        with suppress(NotMarketData, Unusable):
            for event in desk.read(frame, ts_recv):
                if isinstance(event, OrderBook):
                    book[event.instrument] = event
                elif isinstance(event, Trade) and event.instrument in book:
                    seen = book[event.instrument]
                    middle = (seen.bids[0].price + seen.asks[0].price) / 2
                    as_expected = event.price > middle if event.side is Side.BUY else event.price < middle
                    right, wrong = right + as_expected, wrong + (not as_expected)
    assert right > 5 * wrong
