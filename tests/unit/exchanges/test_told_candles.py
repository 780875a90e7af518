"""The candles that venues tell on their streams: what each says of them, and what none can say."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Channel, Provenance
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.exchanges.binance.dialect import BinanceDialect
from alphaplus_tui.exchanges.binance.kinds import SPOT, USD_M
from alphaplus_tui.exchanges.coinbase.dialect import CoinbaseDialect
from alphaplus_tui.exchanges.kraken.dialect import KrakenDialect
from alphaplus_tui.exchanges.shared.parsing import Events, NotAskedFor, Unusable
from tests.unit.exchanges import coinbase_frames, kraken_frames
from tests.unit.exchanges.test_poison import NOW, a_binance_parser, a_bybit_parser, dialects

MINUTE, FIVE_MINUTES = Timeframe("1m"), Timeframe("5m")
OPENED = 1_723_161_240_000_000_000
CANDLES = frozenset({Channel.CANDLE})

BINANCE = (
    '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1723161255342,"s":"BTCUSDT","k":{"t":1723161240000,'
    '"T":1723161299999,"s":"BTCUSDT","i":"1m","f":100,"L":130,"o":"61830.00","c":"61837.63","h":"61840.00",'
    '"l":"61829.50","v":"3.5","n":31,"x":false,"q":"216400.1","V":"1.25","Q":"77300.1","B":"0"}}}'
)
ROW = (
    '{"start":1723161240000,"end":1723161299999,"interval":"1","open":"61830.0","close":"61837.6","high":"61840",'
    '"low":"61829.5","volume":"3.5","turnover":"216400.1","confirm":true,"timestamp":1723161255342}'
)
BYBIT = f'{{"topic":"kline.1.BTCUSDT","data":[{ROW}],"ts":1723161255342,"type":"snapshot"}}'
BYBIT_SPOT = f'{{"type":"snapshot","topic":"kline.1.BTCUSDT","data":[{ROW}],"ts":1723161255342}}'


def binance(frame: str) -> Events:
    return a_binance_parser(SPOT).read(frame.encode(), NOW)


def bybit(frame: str) -> Events:
    return a_bybit_parser("BTC/USDT").read(frame.encode(), NOW)


def kraken(frame: str) -> Events:
    return kraken_frames.Desk().read(frame)


def coinbase(frame: str) -> Events:
    return coinbase_frames.Desk().read(frame)


def test_binance_tells_everything_and_that_a_candle_closed() -> None:
    figures = (61830.0, 61840.0, 61829.5, 61837.63, 3.5, 31, 1.25)
    forming = Candle(InstrumentId("binance:BTC/USDT"), MINUTE, OPENED, *figures, Provenance.BACKFILLED, 0, True)
    assert binance(BINANCE) == (forming,)
    (closed,) = binance(BINANCE.replace('"x":false', '"x":true'))
    assert isinstance(closed, Candle)
    assert not closed.forming


def test_what_never_traded_has_no_candle_and_is_no_fault() -> None:
    nothing = json.loads(BINANCE)
    nothing["data"]["k"] |= dict.fromkeys("ohlcvqVQ", "0.00000000") | {"n": 0}
    assert binance(json.dumps(nothing, separators=(",", ":"))) == ()


@pytest.mark.parametrize("frame", [BYBIT, BYBIT_SPOT])
def test_bybit_tells_neither_trades_nor_what_buyers_took(frame: str) -> None:
    (candle,) = bybit(frame)
    assert isinstance(candle, Candle)
    assert (candle.open_time, candle.trades, candle.buy_volume, candle.forming) == (OPENED, None, None, False)
    assert (candle.open, candle.high, candle.low, candle.close) == (61830.0, 61840.0, 61829.5, 61837.6)


def test_candles_of_either_market_of_bybit_wait_their_turn_and_may_be_shed() -> None:
    _, dialect = dialects()
    for frame in (BYBIT.encode(), BYBIT_SPOT.encode()):
        assert frame.startswith(dialect.data)
        assert not dialect.is_trade(frame)


def test_kraken_counts_trades_and_never_says_that_a_candle_closed() -> None:
    (candle,) = kraken(kraken_frames.OHLC)
    opened = 1_727_923_560_000_000_000
    figures = (60810.1, 60815.0, 60809.9, 60812.3, 0.9357146, 12, None)
    assert candle == Candle(kraken_frames.BTC.id, MINUTE, opened, *figures, Provenance.BACKFILLED, 0, True)


def test_coinbase_tells_the_last_hundred_and_then_each_change() -> None:
    start = 1786309500
    candles = coinbase(coinbase_frames.candles_frame(str(start - 300), str(start), kind="snapshot"))
    assert [(c.open_time, c.forming) for c in candles if isinstance(c, Candle)] == [
        ((start - 300) * 10**9, True), (start * 10**9, True),
    ]  # fmt: skip
    (candle,) = coinbase(coinbase_frames.candles_frame(str(start)))
    assert isinstance(candle, Candle)
    assert (candle.timeframe, candle.trades, candle.buy_volume) == (FIVE_MINUTES, None, None)
    assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == (
        65091.0, 65091.0, 65083.56, 65083.67, 1.0555351,
    )  # fmt: skip


def test_instruments_that_share_a_product_share_its_candles() -> None:
    desk = coinbase_frames.Desk(instruments=(coinbase_frames.BTC, coinbase_frames.BTC_USDC))
    told = desk.read(coinbase_frames.candles_frame("1786309500"))
    assert [candle.instrument for candle in told] == ["coinbase:BTC/USD", "coinbase:BTC/USDC"]


def a_binance(**values: Any) -> str:
    said = json.loads(BINANCE)
    said["data"]["k"] |= values
    return json.dumps(said, separators=(",", ":"))


def a_bybit(**values: Any) -> str:
    said = json.loads(BYBIT)
    said["data"][0] |= values
    return json.dumps(said, separators=(",", ":"))


def a_kraken(**values: Any) -> str:
    return kraken_frames.changed(kraken_frames.OHLC, **values)


def a_coinbase(**values: Any) -> str:
    return coinbase_frames.candles_frame("1786309500", **values)


@pytest.mark.parametrize(
    ("read", "frame"),
    [
        (binance, a_binance(h="61800")),
        (binance, a_binance(l="0")),
        (binance, a_binance(v="-1")),
        (binance, a_binance(V="nan")),
        (binance, a_binance(n=-1)),
        (binance, a_binance(n=2**70)),
        (binance, a_binance(t=1723161241000)),
        (binance, a_binance(t=1623161240000)),
        (binance, a_binance(i="5m")),
        (binance, a_binance(x="soon")),
        (binance, BINANCE.replace('"s":"BTCUSDT"', '"s":"ETHUSDT"', 1)),
        (bybit, a_bybit(open="61850")),
        (bybit, a_bybit(close="inf")),
        (bybit, a_bybit(volume=None)),
        (bybit, a_bybit(interval="5")),
        (bybit, a_bybit(start=0)),
        (kraken, a_kraken(interval=5)),
        (kraken, a_kraken(interval_begin="2024-10-03T02:46:01Z")),
        (kraken, a_kraken(trades=-1)),
        (kraken, a_kraken(low=60813.0)),
        (kraken, a_kraken(volume="1")),
        (coinbase, a_coinbase(start="1786309501")),
        (coinbase, a_coinbase(start="1")),
        (coinbase, a_coinbase(high="65080")),
        (coinbase, a_coinbase(volume="x")),
    ],
)
def test_what_cannot_be_is_refused(read: Callable[[str], Events], frame: str) -> None:
    with pytest.raises(Unusable):
        read(frame)


def test_what_nobody_asked_for_is_named() -> None:
    trades = frozenset({Channel.TRADE})
    with pytest.raises(NotAskedFor, match="ohlc of 'BTC/USD'"):
        kraken_frames.Desk(trades).read(kraken_frames.OHLC)
    with pytest.raises(NotAskedFor, match="candles of 'BTC-USD'"):
        coinbase_frames.Desk(trades).read(coinbase_frames.candles_frame("1786309500"))


def test_each_venue_is_asked_for_its_own() -> None:
    ids = iter(range(1, 100))
    ask: Any = None  # none of these asks REST
    kraken_requests = KrakenDialect("kraken", "ws://here", ask).requests((kraken_frames.BTC,), CANDLES, ids, on=True)
    assert [json.loads(request.text)["params"] for request in kraken_requests] == [
        {"channel": "ohlc", "interval": 1, "snapshot": False, "symbol": ["BTC/USD"]}
    ]
    coinbase_dialect = CoinbaseDialect("coinbase", "ws://here", ask)
    said = [json.loads(r.text) for r in coinbase_dialect.requests((coinbase_frames.BTC,), CANDLES, ids, on=True)]
    assert {"type": "subscribe", "channel": "candles", "product_ids": ["BTC-USD"]} in said
    binance_dialect, bybit_dialect = dialects()
    instrument = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
    (request,) = binance_dialect.requests((instrument,), CANDLES, ids, on=True)
    assert json.loads(request.text)["params"] == ["btcusdt@kline_1m"]
    (request,) = bybit_dialect.requests((instrument,), CANDLES, ids, on=True)
    assert json.loads(request.text)["args"] == ["kline.1.BTCUSDT"]


def test_candles_count_towards_the_streams_of_a_connection() -> None:
    class Rest:
        kind = USD_M

    rest: Any = Rest()
    instruments = [kraken_frames.BTC] * 200
    shards = BinanceDialect("binanceusdm", None, rest).shards(instruments, frozenset(Channel))
    market = [shard for shard in shards if Channel.CANDLE in shard.channels]
    assert all(len(s.instruments) * len(s.channels) <= USD_M.streams_per_connection for s in shards)
    assert {frozenset(s.channels) for s in market} == {frozenset({Channel.TRADE, Channel.STATISTICS, Channel.CANDLE})}
