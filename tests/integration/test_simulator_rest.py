"""The demo exchange answers REST as the real one does."""

from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support_simulator import RunningSimulator, running_simulator


class Client:
    """GETs paths under ``/api/v3``."""

    def __init__(self, simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
        self.simulator, self.http = simulator, http

    async def answer(self, path: str, **query: Any) -> tuple[int, Any, Any]:
        url = f"{self.simulator.rest_url}/api/v3/{path}"
        async with self.http.get(url, params=query) as response:
            return response.status, await response.json(), response.headers

    async def get(self, path: str, **query: Any) -> Any:
        status, found, _ = await self.answer(path, **query)
        assert status == 200, found
        return found


@pytest_asyncio.fixture
async def api() -> AsyncGenerator[Client]:
    async with running_simulator(rate=200) as simulator, aiohttp.ClientSession() as http:
        yield Client(simulator, http)


async def test_it_says_it_is_there_and_what_it_lists(api: Client) -> None:
    assert await api.get("ping") == {}
    assert (await api.get("time"))["serverTime"] > 1_700_000_000_000
    info = await api.get("exchangeInfo")
    assert [row["symbol"] for row in info["symbols"]][:2] == ["BTCUSDT", "ETHUSDT"]
    assert len(info["symbols"]) == 12
    one = await api.get("exchangeInfo", symbols='["XRPUSDT"]')
    filters = {row["filterType"]: row for row in one["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.00010000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.10000000"


async def test_candles_equal_the_sums_of_the_trades_it_serves(api: Client) -> None:
    minutes = await api.get("klines", symbol="BTCUSDT", interval="1m", limit=3)
    start_ms, end_ms = minutes[1][0], minutes[1][6]
    trades = [
        trade
        async for trade in history(api, "BTCUSDT", await first_id_since(api, "BTCUSDT", start_ms), until_ms=end_ms)
    ]
    ids = [trade["id"] for trade in trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    prices = [float(trade["price"]) for trade in trades]
    _, opened, high, low, close, volume, _, value, count, bought, bought_value, _ = minutes[1]
    assert [float(opened), float(high), float(low), float(close)] == [
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    ]
    assert count == len(trades)
    assert float(volume) == pytest.approx(sum(float(trade["qty"]) for trade in trades), abs=1e-9)
    assert float(value) == pytest.approx(sum(float(trade["quoteQty"]) for trade in trades), abs=1e-6)
    buys = [trade for trade in trades if not trade["isBuyerMaker"]]
    assert float(bought) == pytest.approx(sum(float(trade["qty"]) for trade in buys), abs=1e-9)
    assert float(bought_value) == pytest.approx(sum(float(trade["quoteQty"]) for trade in buys), abs=1e-6)


async def first_id_since(api: Client, symbol: str, time_ms: int) -> int:
    return (await api.get("aggTrades", symbol=symbol, startTime=time_ms, limit=1))[0]["f"]


async def history(api: Client, symbol: str, first_id: int, *, until_ms: int) -> AsyncGenerator[Any]:
    while True:
        page = await api.get("historicalTrades", symbol=symbol, fromId=first_id, limit=1000)
        for trade in page:
            if trade["time"] > until_ms:
                return
            yield trade
        first_id = page[-1]["id"] + 1


async def test_aggregate_trades_join_trades_in_an_id_space_of_their_own(api: Client) -> None:
    aggregates = await api.get("aggTrades", symbol="ETHUSDT", limit=200)
    assert [row["a"] for row in aggregates] == list(range(aggregates[0]["a"], aggregates[0]["a"] + 200))
    assert all(later["f"] == earlier["l"] + 1 for earlier, later in pairwise(aggregates))
    trades = {
        trade["id"]: trade
        for trade in await api.get("historicalTrades", symbol="ETHUSDT", fromId=aggregates[0]["f"], limit=1000)
    }
    joined = aggregates[0]
    parts = [trades[number] for number in range(joined["f"], joined["l"] + 1)]
    assert {part["price"] for part in parts} == {joined["p"]}
    assert sum(float(part["qty"]) for part in parts) == pytest.approx(float(joined["q"]))
    again = await api.get("aggTrades", symbol="ETHUSDT", fromId=joined["a"], limit=1)
    assert again == [joined]


async def test_there_are_years_of_candles(api: Client) -> None:
    days = await api.get("klines", symbol="SOLUSDT", interval="1d", startTime=1_577_836_800_000, limit=400)
    assert len(days) == 400
    assert days[0][0] == 1_577_836_800_000
    assert all(float(row[3]) <= float(row[1]) <= float(row[2]) for row in days)
    weeks = await api.get("klines", symbol="SOLUSDT", interval="1w", startTime=1_577_836_800_000, limit=10)
    within = [row for row in days if weeks[0][0] <= row[0] <= weeks[0][6]]
    assert max(float(row[2]) for row in within) == float(weeks[0][2])
    assert sum(row[8] for row in within) == weeks[0][8]


async def test_tickers_of_one_several_and_all(api: Client) -> None:
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        assert (await api.get(path, symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
        several = await api.get(path, symbols='["BTCUSDT","XRPUSDT"]')
        assert [row["symbol"] for row in several] == ["BTCUSDT", "XRPUSDT"]
        assert len(await api.get(path)) == 12
    day = await api.get("ticker/24hr", symbol="BTCUSDT")
    assert float(day["lowPrice"]) <= float(day["weightedAvgPrice"]) <= float(day["highPrice"])
    assert day["lastId"] - day["firstId"] + 1 == day["count"]
    change = float(day["lastPrice"]) - float(day["openPrice"])
    assert float(day["priceChange"]) == pytest.approx(change, abs=1e-6)


WRONG_REQUESTS: tuple[tuple[str, dict[str, str], int], ...] = (
    ("klines", {"symbol": "NOPE", "interval": "1m"}, -1121),
    ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
    ("klines", {"symbol": "BTCUSDT"}, -1102),
    ("depth", {}, -1102),
    ("trades", {"symbol": "BTCUSDT", "limit": "many"}, -1100),
    ("aggTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "2"}, -1128),
    ("ticker/price", {"symbols": "BTCUSDT"}, -1100),
    ("ticker/24hr", {"type": "HUGE"}, -1139),
)


async def test_wrong_requests_get_the_exchanges_errors(api: Client) -> None:
    for path, query, code in WRONG_REQUESTS:
        status, found, _ = await api.answer(path, **query)
        assert (path, status, found["code"]) == (path, 400, code)
        assert found["msg"]


async def test_weights_are_counted_and_too_much_is_refused_then_banned() -> None:
    async with running_simulator(symbols=2, weight_per_minute=60) as simulator, aiohttp.ClientSession() as http:
        api = Client(simulator, http)
        _, _, headers = await api.answer("exchangeInfo")
        assert headers["X-MBX-USED-WEIGHT-1M"] == "20"
        _, _, headers = await api.answer("trades", symbol="BTCUSDT")
        assert headers["X-MBX-USED-WEIGHT-1M"] == "45"
        status, found, headers = await api.answer("trades", symbol="BTCUSDT")
        assert (status, found["code"]) == (429, -1003)
        assert 1 <= int(headers["Retry-After"]) <= 60
        statuses = [(await api.answer("ping"))[0] for _ in range(20)]
        assert statuses == [429] * 14 + [418] * 6
        _, found, headers = await api.answer("ping")
        assert "banned until" in found["msg"]
        assert int(headers["Retry-After"]) > 60
