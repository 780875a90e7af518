"""ccxt and ccxt.pro, pointed at the demo exchange by URL and otherwise unchanged, work."""

from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any, cast

import ccxt.pro
import pytest_asyncio

from tests.support_simulator import RunningSimulator, running_simulator

HOSTS_OF_STREAMS = ("ws", "wss")


def pointed_at(simulator: RunningSimulator, urls: Any) -> Any:
    """The same tree of URLs with scheme, host and port replaced."""
    if isinstance(urls, dict):
        tree = cast("dict[str, Any]", urls)
        return {name: pointed_at(simulator, url) for name, url in tree.items()}
    scheme, _, rest = str(urls).partition("://")
    _, slash, path = rest.partition("/")
    return (simulator.ws_url if scheme in HOSTS_OF_STREAMS else simulator.rest_url) + slash + path


@pytest_asyncio.fixture
async def binance() -> AsyncGenerator[Any]:
    async with running_simulator(rate=100) as simulator:
        exchange: Any = ccxt.pro.binance()
        exchange.urls["api"] = pointed_at(simulator, exchange.urls["api"])
        try:
            yield exchange
        finally:
            await exchange.close()


async def test_ccxt_loads_the_markets_with_their_precisions(binance: Any) -> None:
    markets = await binance.load_markets()
    assert len(markets) == 12
    assert markets["BTC/USDT"]["precision"] == {
        **markets["BTC/USDT"]["precision"],
        "price": 0.01,
        "amount": 0.00001,
    }
    assert markets["BTC/USDT"]["active"] is True
    assert markets["BTC/USDT"]["spot"] is True


async def test_ccxt_fetches_candles_trades_book_and_tickers_that_agree(binance: Any) -> None:
    hours = await binance.fetch_ohlcv("ETH/USDT", "1h", limit=30)
    assert len(hours) == 30
    assert {later[0] - earlier[0] for earlier, later in pairwise(hours)} == {3_600_000}
    assert all(row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2] for row in hours)

    since = await binance.fetch_ohlcv("ETH/USDT", "1d", since=1_577_836_800_000, limit=3)
    assert [row[0] for row in since] == [1_577_836_800_000 + day * 86_400_000 for day in range(3)]

    trades = await binance.fetch_trades("ETH/USDT", limit=50)
    assert len(trades) == 50
    assert all(trade["side"] in ("buy", "sell") and trade["price"] > 0 for trade in trades)

    book = await binance.fetch_order_book("ETH/USDT", limit=20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] < book["asks"][0][0]

    ticker = await binance.fetch_ticker("ETH/USDT")
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert len(await binance.fetch_tickers()) == 12
    assert await binance.fetch_bids_asks(["BTC/USDT", "ETH/USDT"])


async def test_ccxt_pro_watches_trades_with_consecutive_ids(binance: Any) -> None:
    ids: list[int] = []
    while len(ids) < 30:
        ids += [int(trade["id"]) for trade in await binance.watch_trades("BTC/USDT")]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_ccxt_pro_watches_a_book_that_is_never_crossed_and_stays_in_sequence(binance: Any) -> None:
    nonces: list[int] = []
    while len(nonces) < 15:
        book = await binance.watch_order_book("BTC/USDT")
        assert book["bids"][0][0] < book["asks"][0][0]
        nonces.append(book["nonce"])
    assert nonces == sorted(nonces)


async def test_ccxt_pro_watches_candles_and_tickers(binance: Any) -> None:
    candles = await binance.watch_ohlcv("BTC/USDT", "1m")
    ticker = await binance.watch_ticker("BTC/USDT")
    assert candles[-1][3] <= candles[-1][4] <= candles[-1][2]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["quoteVolume"] > ticker["baseVolume"] > 0
