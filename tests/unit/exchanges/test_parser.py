"""Binance's frames, good and bad; the good ones written by hand after the exchange's documentation."""

import json

import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, OrderBook, Side, Ticker, Trade
from alphaplus_tui.exchanges.binance.kinds import SPOT
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.parsing import NotAskedFor, NotMarketData, Unusable, to_ns
from tests.support import recorded

BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
NOW = 1_723_161_255_000_000_000
TRADE = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    '"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}'
)
TICKER = (
    '{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000",'
    '"B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}'
)
DEPTH = (
    '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":11,"u":12,'
    '"b":[["61837.63000000","0.00000000"]],"a":[["61838.00000000","0.30000000"]]}}'
)
SNAPSHOT = '{"lastUpdateId":10,"bids":[["61837.63000000","1.0"],["61837.62","2"]],"asks":[["61839.00","3"]]}'
DAY = (
    '{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1723161255000,"s":"BTCUSDT","p":"1","P":"0.1","w":"1",'
    '"x":"1","c":"61837.63","Q":"1","b":"1","B":"1","a":"1","A":"1","o":"60000.00","h":"62000.00","l":"59000.00",'
    '"v":"1234.5","q":"75000000.25","O":0,"C":0,"F":1,"L":2,"n":3}}'
)


def a_parser(channels: frozenset[Channel] = frozenset(Channel)) -> Parser:
    return Parser((BTC,), channels, books=Books((BTC,), SPOT.book_rule, NoResync()))


def test_a_trade() -> None:
    assert a_parser().read(TRADE.encode(), NOW) == (
        Trade(BTC.id, "3735683259", 3735683259, 61837.63, 0.02, Side.SELL, 1_723_161_255_342_000_000, NOW),
    )


def test_a_trade_whose_buyer_was_in_a_hurry() -> None:
    (trade,) = a_parser().read(TRADE.replace('"m":true', '"m":false').encode(), NOW)
    assert isinstance(trade, Trade)
    assert trade.side is Side.BUY


def test_a_trade_in_microseconds_is_the_same_moment() -> None:
    frame = TRADE.replace("1723161255342", "1723161255342000")
    (trade,) = a_parser().read(frame.encode(), NOW)
    assert isinstance(trade, Trade)
    assert trade.ts_event == 1_723_161_255_342_000_000


def test_best_prices() -> None:
    assert a_parser().read(TICKER.encode(), NOW) == (
        Ticker(BTC.id, 61837.63, 3.78826, 61837.64, 1.54698, 50093239212, NOW, NOW),
    )


def test_an_empty_side_of_the_book_has_no_best_price_and_is_no_fault() -> None:
    frame = TICKER.replace("61837.63000000", "0.00000000").replace("3.78826000", "0.00000000")
    assert a_parser().read(frame.encode(), NOW) == ()


def test_the_last_24_hours() -> None:
    assert a_parser().read(DAY.encode(), NOW) == (
        DayStatistics(BTC.id, 60000.0, 62000.0, 59000.0, 61837.63, 1234.5, 75000000.25, 1_723_161_255_000_000_000, NOW),
    )


def test_a_change_of_the_book_is_shown_once_its_snapshot_is_there() -> None:
    parser = a_parser()
    assert parser.read(DEPTH.encode(), NOW) == ()
    (book,) = parser.read(SNAPSHOT.encode(), NOW)
    assert isinstance(book, OrderBook)
    assert [level.price for level in book.bids] == [61837.62]
    assert [level.price for level in book.asks] == [61838.0, 61839.0]
    assert book.sequence == 12


def test_a_snapshot_that_names_its_instrument() -> None:
    frame = f'{{"stream":"btcusdt@snapshot","data":{SNAPSHOT}}}'
    (book,) = a_parser().read(frame.encode(), NOW)
    assert isinstance(book, OrderBook)
    assert book.sequence == 10


def test_spaces_between_the_tokens_change_nothing() -> None:
    spaced = json.dumps(json.loads(TRADE), indent=1)
    assert a_parser().read(spaced.encode(), NOW) == a_parser().read(TRADE.encode(), NOW)


def test_a_stream_that_nobody_asked_for_is_told_apart() -> None:
    for frame in (TRADE.replace("btcusdt@", "ethusdt@"), TICKER):
        with pytest.raises(NotAskedFor):
            a_parser(frozenset({Channel.TRADE})).read(frame.encode(), NOW)


def test_an_answer_is_no_market_data() -> None:
    with pytest.raises(NotMarketData):
        a_parser().read(b'{"result":null,"id":1}', NOW)


@pytest.mark.parametrize(
    ("good", "was", "becomes"),
    [
        (TRADE, '"61837.63000000"', "null"),
        (TRADE, '"61837.63000000"', '"NaN"'),
        (TRADE, '"61837.63000000"', '"Infinity"'),
        (TRADE, '"61837.63000000"', '"1e400"'),
        (TRADE, '"61837.63000000"', '"0.00000000"'),
        (TRADE, '"61837.63000000"', '"-61837.63"'),
        (TRADE, '"61837.63000000"', '"9999999999999999"'),
        (TRADE, '"61837.63000000"', '{"a":1}'),
        (TRADE, '"61837.63000000"', '"a lot"'),
        (TRADE, '"0.02000000"', '"0.00000000"'),
        (TRADE, '"0.02000000"', '"nan"'),
        (TRADE, "3735683259", '"abc"'),
        (TRADE, "3735683259", "-5"),
        (TRADE, "3735683259", "1.5"),
        (TRADE, "3735683259", "9" * 400),
        (TRADE, "1723161255342", "0"),
        (TRADE, "1723161255342", "1723261255342"),
        (TRADE, "1723161255342", "99999999999999999999"),
        (TRADE, '"m":true', '"m":"perhaps"'),
        (TRADE, '"e":"trade"', '"e":"aggTrade"'),
        (TRADE, '"s":"BTCUSDT"', '"s":"ETHUSDT"'),
        (TRADE, "}}", "}"),
        (TRADE, '"q"', '"Q"'),
        (TICKER, '"61837.63000000"', '"61837.65"'),
        (TICKER, '"3.78826000"', '"-1"'),
        (TICKER, '"61837.64000000"', '"nan"'),
        (DEPTH, '"61838.00000000"', '"-1"'),
        (DEPTH, '"0.30000000"', '"inf"'),
        (DEPTH, '"U":11', '"U":13'),
        (DEPTH, '[["61837.63000000","0.00000000"]]', '[["61837.63000000"]]'),
        (DAY, '"62000.00"', '"nan"'),
        (DAY, '"1234.5"', '"-1"'),
    ],
)
def test_what_cannot_be_is_refused(good: str, was: str, becomes: str) -> None:
    assert was in good
    with pytest.raises(Unusable):
        a_parser().read(good.replace(was, becomes, 1).encode(), NOW)


@pytest.mark.parametrize("frame", [b'{"stream":"btcusdt@trade","data":' + b"[" * 100_000, b'{"stream":"\xff\xfe"}'])
def test_nonsense_is_refused(frame: bytes) -> None:
    with pytest.raises((Unusable, NotMarketData)):
        a_parser().read(frame, NOW)


def test_moments_in_any_unit() -> None:
    assert to_ns(1_723_161_255_342) == to_ns(1_723_161_255_342_000) == to_ns(1_723_161_255_342_000_000)


def test_recorded_frames_of_other_years_are_understood() -> None:
    lines = recorded("payloads_crypto_msg_parser/binance.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    spot = [row["raw"] for row in rows if row["case"] == "spot" and row["kind"] in {"bbo", "l2_event", "ticker"}]
    read = 0
    for raw in spot:
        frame = json.loads(raw)
        if not isinstance(frame["data"], dict) or frame["stream"].startswith("!"):
            continue
        venue = frame["data"]["s"]
        instrument = Instrument("binance", "A/B", venue, "A", "B", 0.01, 0.01)
        parser = Parser((instrument,), frozenset(Channel), books=Books((instrument,), SPOT.book_rule, NoResync()))
        parser.read(raw.encode(), to_ns(frame["data"].get("E", 1)))
        read += 1
    assert read >= 2
