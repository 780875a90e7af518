"""Each fault of the demo exchange does what it says, and leaves the journal and REST alone."""

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from tests.support_simulator import RunningSimulator, running_simulator


@pytest_asyncio.fixture
async def simulator(tmp_path: Path) -> AsyncGenerator[RunningSimulator]:
    async with running_simulator(rate=300, symbols=3, journal=tmp_path / "journal.csv") as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def receive(socket: Any, count: int) -> list[aiohttp.WSMessage]:
    async with asyncio.timeout(40):
        return [await socket.receive() for _ in range(count)]


async def trade_ids(socket: Any, count: int) -> list[int]:
    return [message.json()["t"] for message in await receive(socket, count)]


async def nothing_comes(socket: Any) -> bool:
    """Whether the socket stays silent for longer than it ever does in good health."""
    try:
        await asyncio.wait_for(socket.receive(), 1.0)
    except TimeoutError:
        return True
    return False


async def drain(socket: Any) -> None:
    while not await nothing_comes(socket):
        pass


async def test_skipped_trades_are_missing_from_the_stream_but_not_from_rest(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await simulator.set_faults({"kind": "skip", "probability": 0.3})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        ids = await trade_ids(socket, 200)
    missing = set(range(ids[0], ids[-1])) - set(ids)
    assert 30 < len(missing) < 200
    url = f"{simulator.rest_url}/api/v3/historicalTrades?symbol=BTCUSDT&fromId={ids[0]}&limit=1000"
    async with http.get(url) as response:
        assert missing <= {row["id"] for row in await response.json()}
    assert simulator.journal is not None
    await simulator.stop()
    with simulator.journal.open() as file:
        assert missing <= {int(row["id"]) for row in csv.DictReader(file) if row["symbol"] == "BTCUSDT"}


async def test_duplicates_come_twice(simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
    await simulator.set_faults({"kind": "duplicate", "probability": 0.5})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        ids = await trade_ids(socket, 200)
    counts = Counter(ids[:-1])
    assert set(counts.values()) == {1, 2}
    assert sorted(counts) == list(range(ids[0], ids[-1] + (ids[-1] in counts)))


async def test_reordered_trades_all_come_but_not_in_order(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await simulator.set_faults({"kind": "reorder", "probability": 0.3})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        ids = await trade_ids(socket, 200)
    assert ids != sorted(ids)
    assert len(set(range(min(ids), max(ids) + 1)) - set(ids)) <= 2


async def test_delayed_frames_come_later(simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
    await simulator.set_faults({"kind": "delay", "delay_ms": 700, "streams": ["trade"]})
    async with http.ws_connect(f"{simulator.ws_url}/stream?streams=btcusdt@trade/btcusdt@aggTrade") as socket:
        seen: list[tuple[str, int]] = []
        while sum(kind == "trade" for kind, _ in seen) < 30:
            data = (await asyncio.wait_for(socket.receive_json(), 40))["data"]
            seen.append((data["e"], data["E"]))
    latest = 0
    behind: list[int] = []
    for kind, sent_ms in seen:
        if kind == "aggTrade":
            latest = sent_ms
        else:
            behind.append(latest - sent_ms)
    assert sorted(behind)[len(behind) // 2] > 100


async def test_a_muted_symbol_is_silent_while_the_others_go_on(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await simulator.set_faults({"kind": "mute", "symbols": ["BTCUSDT"]})
    async with http.ws_connect(f"{simulator.ws_url}/stream?streams=btcusdt@trade/ethusdt@trade") as socket:
        frames = [message.json()["stream"] for message in await receive(socket, 100)]
    assert set(frames) == {"ethusdt@trade"}


async def test_a_mute_connection_says_nothing_but_answers_pings_and_comes_back(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade", autoping=False) as socket:
        await receive(socket, 3)
        await simulator.set_faults({"kind": "mute"})
        await drain(socket)
        await socket.ping(b"are you there")
        pong = (await receive(socket, 1))[0]
        assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"are you there")
        await simulator.set_faults()
        assert (await receive(socket, 1))[0].json()["e"] == "trade"


async def test_a_half_open_connection_is_silent_for_ever_and_a_new_one_works(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade", autoping=False) as socket:
        await receive(socket, 3)
        await simulator.set_faults({"kind": "half-open"})
        await drain(socket)
        await socket.ping()
        assert await nothing_comes(socket)
        await simulator.set_faults()
        assert await nothing_comes(socket)
        async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as other:
            assert await trade_ids(other, 3)


@pytest.mark.parametrize(("kind", "code"), [("cut", 1006), ("close", 1001)])
async def test_connections_are_cut_again_and_again(
    simulator: RunningSimulator, http: aiohttp.ClientSession, kind: str, code: int
) -> None:
    await simulator.set_faults({"kind": kind, "start_s": 0.3, "period_s": 0.3})
    for _ in range(3):
        async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket, asyncio.timeout(40):
            async for message in socket:
                assert message.json()["e"] == "trade"
        assert socket.close_code == code


async def test_garbled_frames_are_no_json(simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
    await simulator.set_faults({"kind": "garble", "probability": 0.5})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        texts = [message.data for message in await receive(socket, 60)]
    broken = 0
    for text in texts:
        try:
            assert msgspec.json.decode(text)["e"] == "trade"
        except msgspec.DecodeError:
            broken += 1
    assert 10 < broken < 50


async def test_oversized_frames_are_as_large_as_asked(simulator: RunningSimulator, http: aiohttp.ClientSession) -> None:
    await simulator.set_faults({"kind": "oversize", "size_bytes": 3_000_000, "probability": 0.05})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade", max_msg_size=0) as socket:
        sizes = [len(message.data) for message in await receive(socket, 100)]
    assert max(sizes) >= 3_000_000
    assert min(sizes) < 300


async def test_refused_subscriptions_are_answered_with_an_error(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await simulator.set_faults({"kind": "refuse"})
    async with http.ws_connect(f"{simulator.ws_url}/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 9})
        answer = await socket.receive_json(timeout=40)
    assert answer["id"] == 9
    assert answer["error"]["code"] == 2


@pytest.mark.parametrize("kind", ["429", "418", "503"])
async def test_requests_meet_limits_bans_and_maintenance_while_the_stream_goes_on(
    simulator: RunningSimulator, http: aiohttp.ClientSession, kind: str
) -> None:
    await simulator.set_faults({"kind": kind, "retry_after_s": 33})
    async with http.get(f"{simulator.rest_url}/api/v3/time") as response:
        assert response.status == int(kind)
        if kind == "503":
            assert response.content_type == "text/html"
            assert "<html>" in await response.text()
        else:
            assert response.headers["Retry-After"] == "33"
            assert (await response.json())["code"] == -1003
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        assert await trade_ids(socket, 3)
    await simulator.set_faults()
    async with http.get(f"{simulator.rest_url}/api/v3/time") as response:
        assert response.status == 200


async def test_the_control_shows_the_script_with_counts_and_refuses_what_it_does_not_know(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    url = f"{simulator.rest_url}/control/faults"
    await simulator.set_faults({"kind": "503"})
    async with http.get(f"{simulator.rest_url}/api/v3/ping"), http.get(url) as response:
        shown = (await response.json())["faults"]
    assert [(row["kind"], row["count"]) for row in shown] == [("503", 1)]
    async with http.post(url, json={"faults": [{"kind": "explode"}]}) as response:
        assert response.status == 400
        assert "allowed are cut, close, half-open" in (await response.json())["error"]
    async with http.get(url) as response:
        assert [row["kind"] for row in (await response.json())["faults"]] == ["503"]


async def test_a_fault_file_is_obeyed_from_the_start(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "503"\n')
    async with (
        running_simulator(symbols=1, faults=script) as simulator,
        http.get(f"{simulator.rest_url}/api/v3/ping") as response,
    ):
        assert response.status == 503


async def test_altered_trades_and_candles_say_another_quantity_than_rest(
    simulator: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await simulator.set_faults({"kind": "alter", "streams": ["trade", "kline_1m"]})
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket:
        said = (await receive(socket, 1))[0].json()
    async with http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@kline_1m") as socket:
        candle = (await receive(socket, 1))[0].json()["k"]
    url = f"{simulator.rest_url}/api/v3/historicalTrades?symbol=BTCUSDT&fromId={said['t']}&limit=1"
    async with http.get(url) as response:
        assert said["q"] == "7" + (await response.json())[0]["qty"]
    assert candle["v"].startswith("7")
    assert float(candle["v"]) > 7
    assert (await simulator.requests())["/api/v3/historicalTrades"] == 1
