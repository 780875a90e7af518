"""Whatever comes over the wire, a parser reads it or refuses it: nothing else, and nothing impossible is told."""

import math
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.exchanges.binance.dialect import BinanceDialect
from alphaplus_tui.exchanges.binance.kinds import SPOT, USD_M, Kind
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.bybit.dialect import BybitDialect
from alphaplus_tui.exchanges.bybit.parser import BOOK_RULE, BybitParser
from alphaplus_tui.exchanges.bybit.rest import BybitRest
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.dialect import Answer
from alphaplus_tui.exchanges.shared.parsing import Events, FrameParser, NotMarketData, Unusable
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from tests.unit.exchanges.poison import poisoned
from tests.unit.exchanges.test_parser import DAY, DEPTH, TICKER, TRADE

NOW_MS = 1_723_161_255_342
NOW = NOW_MS * 1_000_000
CHANNELS = frozenset(Channel)
SNAPSHOT = (
    '{"stream":"btcusdt@snapshot","data":{"lastUpdateId":10,"bids":[["61837.63","1.0"],["61837.62","2"]],'
    '"asks":[["61839.00","3"]]}}'
)
KLINE = (
    '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1723161255342,"s":"BTCUSDT","k":{"t":1723161240000,'
    '"i":"1m","o":"61830.00","c":"61837.63","h":"61840.00","l":"61829.50","v":"3.5","n":31,"x":false,"V":"1.25"}}}'
)
FUTURES = [
    (
        '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161255342,"s":"BTCUSDT","a":389551486,"p":"58665.00","q":"0.043",'
        '"f":621622993,"l":621622993,"T":1723161255342,"m":false}}'
    ),
    (
        '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":600859600576,"s":"BTCUSDT","b":"7.6110","B":"2",'
        '"a":"7.6120","A":"297","T":1723161255342,"E":1723161255342}}'
    ),
    (
        '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255342,"T":1723161255342,"s":"BTCUSDT","U":11,"u":12,"pu":9,'
        '"b":[["61837.63","0"]],"a":[["61838.00","0.3"]]}}'
    ),
    SNAPSHOT,
]
BYBIT = [
    (
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1723161255342,"data":[{"T":1723161255342,"s":"BTCUSDT","S":"Sell","v":"0.004",'
        '"p":"65114.20","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,"seq":753843954913}]}'
    ),
    (
        '{"topic":"orderbook.200.BTCUSDT","type":"delta","ts":1723161255342,"data":{"s":"BTCUSDT","b":[["65095.30","0.005"]],'
        '"a":[["65116.60","0"]],"u":15076953,"seq":753843913870},"cts":1723161255342}'
    ),
    (
        '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"65114.20","bid1Size":"6.054",'
        '"ask1Price":"65114.30","ask1Size":"10.486"},"cs":753843907770,"ts":1723161255342}'
    ),
    (
        '{"topic":"kline.1.BTCUSDT","data":[{"start":1723161240000,"end":1723161299999,"interval":"1","open":"61830.0",'
        '"close":"61837.6","high":"61840","low":"61829.5","volume":"3.5","confirm":true}],"ts":1723161255342}'
    ),
    (
        '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","lastPrice":"65114.30","prevPrice24h":'
        '"65008.70","highPrice24h":"65282.30","lowPrice24h":"64694.40","turnover24h":"1142118412.9021","volume24h":'
        '"17573.9120","bid1Price":"65114.20","bid1Size":"5.954","ask1Price":"65114.30","ask1Size":"10.470"},"ts":1723161255342}'
    ),
]
BYBIT_SNAPSHOT = (
    '{"topic":"orderbook.200.BTCUSDT","type":"snapshot","ts":1723161255342,"data":{"s":"BTCUSDT","b":[["65095.00","1"]],'
    '"a":[["65116.60","1"],["65117.00","2"]],"u":15076952,"seq":1}}'
)
BYBIT_BEST = BYBIT_SNAPSHOT.replace("orderbook.200", "orderbook.1")


def a_binance_parser(kind: Kind) -> Parser:
    instrument = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
    return Parser((instrument,), CHANNELS, books=Books((instrument,), kind.book_rule, NoResync()), kind=kind)


def a_bybit_parser(symbol: str) -> BybitParser:
    instrument = Instrument("bybit", symbol, "BTCUSDT", "BTC", "USDT", 0.1, 0.001, numbered=False)
    return BybitParser((instrument,), CHANNELS, books=Books((instrument,), BOOK_RULE, NoResync()))


def assert_possible(events: Events) -> None:
    for event in events:
        match event:
            case Trade():
                assert 0 < event.price < 1e13 and 0 < event.quantity < 1e16 and event.trade_id  # noqa: PT018
                assert abs(event.ts_event - NOW) < 86_400 * 10**9
            case Ticker():
                assert 0 < event.bid < event.ask < math.inf
            case OrderBook():
                assert not (event.bids and event.asks) or event.bids[0].price < event.asks[0].price
            case DayStatistics():
                assert 0 < event.low < math.inf and 0 <= event.volume < math.inf  # noqa: PT018
            case Candle():
                assert 0 < event.low <= min(event.open, event.close) <= event.high < math.inf
                assert abs(event.open_time - NOW) < 86_400 * 10**9
            case _:
                pytest.fail(f"a parser told {event}")


def read_all(parser: FrameParser, frames: Sequence[bytes]) -> int:
    """How many of the frames were read; the others were refused. What the read ones tell is possible."""
    taken = 0
    for frame in frames:
        try:
            assert_possible(parser.read(frame, NOW))
        except (Unusable, NotMarketData):
            continue
        taken += 1
    return taken


@given(frames=st.lists(poisoned([TRADE, TICKER, DEPTH, DAY, SNAPSHOT, KLINE]), max_size=3))
def test_of_binance_spot(frames: list[bytes]) -> None:
    assert read_all(a_binance_parser(SPOT), [SNAPSHOT.encode(), *frames, DEPTH.encode(), TRADE.encode()]) >= 3


@given(frames=st.lists(poisoned(FUTURES), max_size=3))
def test_of_binance_futures(frames: list[bytes]) -> None:
    good = [frame.encode() for frame in FUTURES]
    assert read_all(a_binance_parser(USD_M), [SNAPSHOT.encode(), *frames, *good]) >= 1 + len(good)


@given(frames=st.lists(poisoned([*BYBIT, BYBIT_SNAPSHOT, BYBIT_BEST]), max_size=3))
def test_of_bybit(frames: list[bytes]) -> None:
    good = [frame.encode() for frame in (*BYBIT, BYBIT_SNAPSHOT, BYBIT_BEST)]
    for symbol in ("BTC/USDT:USDT", "BTC/USDT"):
        unharmed = read_all(a_bybit_parser(symbol), [*good, *good])
        assert read_all(a_bybit_parser(symbol), [*good, *frames, *good]) >= unharmed >= len(good)


@pytest.mark.parametrize("frame", [*FUTURES[:3]])
def test_the_good_frames_of_binance_futures_are_good(frame: str) -> None:
    parser = a_binance_parser(USD_M)
    parser.read(SNAPSHOT.encode(), NOW)
    assert len(parser.read(frame.encode(), NOW)) == 1


def test_the_good_frames_of_bybit_are_good() -> None:
    parser = a_bybit_parser("BTC/USDT:USDT")
    said = [
        parser.read(frame.encode(), NOW) for frame in (BYBIT_SNAPSHOT, BYBIT[0], BYBIT[1], BYBIT[4], BYBIT[2], BYBIT[3])
    ]
    assert [[type(event) for event in events] for events in said] == [
        [OrderBook],
        [Trade],
        [OrderBook],
        [Ticker, DayStatistics],
        [Ticker],
        [Candle],
    ]
    (best,) = a_bybit_parser("BTC/USDT").read(BYBIT_BEST.encode(), NOW)
    assert isinstance(best, Ticker)
    assert (best.bid, best.ask) == (65095.0, 65116.6)


ANSWERS = [
    '{"result":null,"id":1}',
    '{"error":{"code":2,"msg":"no"},"id":1}',
    '{"e":"serverShutdown","E":1723161255342}',
    '{"success":true,"ret_msg":"subscribe","conn_id":"x","req_id":"1","op":"subscribe"}',
    '{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}',
]


def dialects() -> tuple[BinanceDialect, BybitDialect]:
    clock, market, requests = SystemClock(), ManualMarketClock(), Meters().counter("requests")
    binance = BinanceRest(SPOT, None, clock=clock, market=market, requests=requests)
    bybit = BybitRest("https://api.bybit.com", clock=clock, market=market, requests=requests)
    return BinanceDialect("binance", None, binance), BybitDialect("bybit", "wss://stream.bybit.com", bybit)


@given(frame=poisoned(ANSWERS))
def test_of_answers(frame: bytes) -> None:
    for dialect in dialects():
        try:
            assert isinstance(dialect.answer(frame), Answer)
        except (Unusable, ValueError, RecursionError):
            continue


def test_the_good_answers_are_understood() -> None:
    binance, bybit = dialects()
    understood = [binance.answer(text.encode()) for text in ANSWERS[:3]]
    assert understood == [Answer(keys=("1",)), Answer(refused="no (code 2)"), Answer(leaving=True)]
    assert [bybit.answer(text.encode()) for text in ANSWERS[3:]] == [Answer(keys=("1",)), Answer()]
    instrument = Instrument("bybit", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.1, 0.001)
    (request,) = bybit.requests((instrument,), frozenset({Channel.TRADE}), count(1), on=True)
    assert request.text == '{"req_id":"1","op":"subscribe","args":["publicTrade.BTCUSDT"]}'
