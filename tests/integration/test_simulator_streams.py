"""The demo exchange streams as the real one does."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from typing import Any

import aiohttp
import pytest_asyncio

from tests.support_simulator import RunningSimulator, running_simulator


@pytest_asyncio.fixture
async def simulator() -> AsyncGenerator[RunningSimulator]:
    async with running_simulator(rate=200) as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def until(socket: Any, enough: Callable[[list[Any]], object]) -> list[Any]:
    """Frames as they come, until there are enough."""
    frames: list[Any] = []
    async with asyncio.timeout(40):
        while not enough(frames):
            frames.append(await socket.receive_json())
    return frames


async def test_raw_and_combined_streams_carry_the_same_trades(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    async with (
        http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as raw,
        http.ws_connect(f"{simulator.ws_url}/stream?streams=btcusdt@trade/ethusdt@trade") as combined,
    ):
        plain = await until(raw, lambda frames: len(frames) >= 60)
        wrapped = await until(combined, lambda frames: len(frames) >= 150)
    assert {frame["stream"] for frame in wrapped} == {"btcusdt@trade", "ethusdt@trade"}
    by_id = {frame["data"]["t"]: frame["data"] for frame in wrapped if frame["stream"] == "btcusdt@trade"}
    common = [frame for frame in plain if frame["t"] in by_id]
    assert common
    assert all(frame == by_id[frame["t"]] for frame in common)
    assert [frame["t"] for frame in plain] == list(range(plain[0]["t"], plain[0]["t"] + len(plain)))
    assert {frame["e"] for frame in plain} == {"trade"}
    assert all(frame["T"] <= frame["E"] for frame in plain)


async def test_requests_subscribe_unsubscribe_and_list(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{simulator.ws_url}/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@bookTicker"], "id": 1})
        frames = await until(socket, lambda frames: {"trade", None} <= {frame.get("e") for frame in frames[1:]})
        assert frames[0] == {"result": None, "id": 1}
        await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": "two"})
        await until(socket, lambda frames: {"result": None, "id": "two"} in frames)
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        frames = await until(socket, lambda frames: any(frame.get("id") == 3 for frame in frames))
        assert frames[-1] == {"result": ["ethusdt@bookTicker"], "id": 3}
        assert all("e" not in frame for frame in frames)
        await socket.send_str('{"method": "SHOUT", "id": 4}')
        frames = await until(socket, lambda frames: any("error" in frame for frame in frames))
        assert "SUBSCRIBE" in frames[-1]["error"]["msg"]
        await socket.send_str("{")
        await until(socket, lambda frames: any(frame.get("error", {}).get("code") == 3 for frame in frames))


async def test_a_snapshot_and_the_diffs_agree_with_best_prices_and_trades_happen_at_the_best(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    streams = "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"
    async with http.ws_connect(f"{simulator.ws_url}/stream?streams={streams}") as socket:
        first = await until(socket, lambda frames: any("@depth" in frame["stream"] for frame in frames))
        async with http.get(f"{simulator.rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000") as response:
            snapshot = await response.json()
        frames = first + await until(socket, lambda frames: sum("@depth" in frame["stream"] for frame in frames) >= 60)

    bids = {float(price): float(quantity) for price, quantity in snapshot["bids"]}
    asks = {float(price): float(quantity) for price, quantity in snapshot["asks"]}
    update_id: int = snapshot["lastUpdateId"]
    best_by_id = {frame["data"]["u"]: frame["data"] for frame in frames if "@bookTicker" in frame["stream"]}
    compared = applied = 0
    for frame in frames:
        if "@depth" not in frame["stream"] or frame["data"]["u"] <= update_id:
            continue
        changes = frame["data"]
        assert changes["U"] == update_id + 1 or (not applied and changes["U"] <= update_id + 1)
        applied += 1
        for side, rows in ((bids, changes["b"]), (asks, changes["a"])):
            for price, quantity in rows:
                side[float(price)] = float(quantity)
                if not float(quantity):
                    del side[float(price)]
        update_id = changes["u"]
        assert max(bids) < min(asks)
        if update_id in best_by_id:
            best = best_by_id[update_id]
            assert (float(best["b"]), float(best["B"])) == (max(bids), bids[max(bids)])
            assert (float(best["a"]), float(best["A"])) == (min(asks), asks[min(asks)])
            compared += 1
    assert applied >= 30
    assert compared >= 5

    best = None
    told = 0
    for frame in frames:
        if "@bookTicker" in frame["stream"]:
            best = frame["data"]
        elif "@trade" in frame["stream"] and best:
            assert frame["data"]["p"] == (best["b"] if frame["data"]["m"] else best["a"])
            told += 1
    assert told > 50


async def test_every_kind_of_stream_speaks(simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
    kinds = (
        *("trade", "aggTrade", "bookTicker", "depth", "depth@100ms", "depth5", "depth10@100ms", "depth20@100ms"),
        *("kline_1s", "kline_1m", "kline_1M", "ticker", "miniTicker"),
    )
    streams = {f"btcusdt@{kind}" for kind in kinds} | {"!miniTicker@arr", "!ticker@arr"}
    async with http.ws_connect(f"{simulator.ws_url}/stream?streams={'/'.join(streams)}") as socket:
        frames = await until(socket, lambda frames: {frame["stream"] for frame in frames} == streams)
    said = {frame["stream"]: frame["data"] for frame in frames}
    assert len(said["btcusdt@depth5"]["bids"]) == 5
    assert len(said["btcusdt@depth20@100ms"]["asks"]) == 20
    assert said["btcusdt@kline_1m"]["k"]["i"] == "1m"
    assert said["btcusdt@ticker"]["e"] == "24hrTicker"
    assert len(said["!miniTicker@arr"]) == len(said["!ticker@arr"]) == 12


async def test_a_second_closes_with_the_sum_of_its_trades(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{simulator.ws_url}/stream?streams=btcusdt@kline_1s/btcusdt@trade") as socket:
        frames = await until(
            socket,
            lambda frames: sum("k" in frame["data"] and frame["data"]["k"]["x"] for frame in frames) >= 3,
        )
    trades: defaultdict[int, list[Any]] = defaultdict(list)
    for frame in frames:
        if frame["data"]["e"] == "trade":
            trades[frame["data"]["T"] // 1000 * 1000].append(frame["data"])
    closed = [frame["data"]["k"] for frame in frames if "k" in frame["data"] and frame["data"]["k"]["x"]]
    compared = 0
    for candle in closed[1:]:
        within = trades[candle["t"]]
        assert candle["n"] == len(within)
        if within:
            assert (candle["o"], candle["c"]) == (within[0]["p"], within[-1]["p"])
            assert (candle["f"], candle["L"]) == (within[0]["t"], within[-1]["t"])
            compared += 1
    assert compared


async def test_a_client_that_does_not_read_is_disconnected_and_the_others_do_not_notice() -> None:
    async with running_simulator(rate=5000, symbols=20) as simulator, aiohttp.ClientSession() as http:
        async with http.get(f"{simulator.rest_url}/api/v3/exchangeInfo") as response:
            symbols = [row["symbol"].lower() for row in (await response.json())["symbols"]]
        streams = "/".join(f"{symbol}@{kind}" for symbol in symbols for kind in ("trade", "aggTrade", "bookTicker"))
        _, writer = await asyncio.open_connection("127.0.0.1", simulator.port, limit=1024)
        writer.write(
            f"GET /stream?streams={streams} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        ids: list[int] = []
        async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as reading, asyncio.timeout(100):
            while await connections(http, simulator) < 2:
                ids.append((await reading.receive_json())["t"])
            while await connections(http, simulator) > 1:
                ids += [(await reading.receive_json())["t"] for _ in range(300)]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        writer.close()


async def connections(http: aiohttp.ClientSession, simulator: RunningSimulator) -> int:
    async with http.get(f"{simulator.rest_url}/control/connections") as response:
        return len((await response.json())["connections"])
