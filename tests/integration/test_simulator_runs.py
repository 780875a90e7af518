"""Runs of the demo exchange agree on the past, keep a complete journal and end when told."""

import asyncio
import csv
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support import REPOSITORY, eventually
from tests.support_simulator import running_simulator


async def get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


def rows_of(journal: Path) -> list[dict[str, str]]:
    with journal.open() as file:
        return [*csv.DictReader(file)]


async def test_the_journal_holds_what_the_stream_sent_and_what_rest_remembers(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with running_simulator(rate=300, symbols=2, journal=journal) as simulator, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{simulator.ws_url}/ws/ethusdt@trade") as socket:
            sent = [await socket.receive_json(timeout=40) for _ in range(150)]
        url = f"{simulator.rest_url}/api/v3/historicalTrades?symbol=ETHUSDT&fromId={sent[0]['t']}&limit=150"
        remembered = await get(http, url)
    written = {int(row["id"]): row for row in rows_of(journal) if row["symbol"] == "ETHUSDT"}
    ids = list(written)
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    for frame, row in zip(sent, remembered, strict=True):
        line = written[frame["t"]]
        maker = "buy" if frame["m"] else "sell"
        assert (line["price"], line["quantity"], line["time_ms"], line["maker"]) == (
            frame["p"],
            frame["q"],
            str(frame["T"]),
            maker,
        )
        assert (row["id"], row["price"], row["qty"], row["time"]) == (
            frame["t"],
            frame["p"],
            frame["q"],
            frame["T"],
        )


async def test_the_journal_on_disk_is_never_far_behind(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with running_simulator(rate=300, symbols=2, journal=journal) as simulator:
        await eventually(lambda: journal.stat().st_size > 2000)
        os.kill(simulator.pid, signal.SIGKILL)
        await simulator.process.wait()
    assert len(rows_of(journal)) > 20


async def test_two_processes_with_one_seed_agree_on_the_past() -> None:
    async with (
        running_simulator(seed=11, symbols=4) as one,
        running_simulator(seed=11, symbols=4) as other,
        running_simulator(seed=12, symbols=4) as stranger,
        aiohttp.ClientSession() as http,
    ):
        latest = await get(http, f"{one.rest_url}/api/v3/trades?symbol=SOLUSDT&limit=1")
        past = latest[0]["id"] - 2000
        for path in (
            f"historicalTrades?symbol=SOLUSDT&fromId={past}&limit=1000",
            "klines?symbol=SOLUSDT&interval=1h&startTime=1700000000000&limit=100",
            "aggTrades?symbol=SOLUSDT&startTime=1700000000000&limit=100",
        ):
            answers = [await get(http, f"{run.rest_url}/api/v3/{path}") for run in (one, other, stranger)]
            assert answers[0] == answers[1]
            assert answers[0] != answers[2]


async def test_after_a_kill_a_new_run_serves_the_trades_that_were_missed(tmp_path: Path) -> None:
    async with running_simulator(rate=300, symbols=2) as first, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{first.ws_url}/ws/btcusdt@trade") as socket:
            seen = [await socket.receive_json(timeout=40) for _ in range(50)]
        os.kill(first.pid, signal.SIGKILL)
        await first.process.wait()
    journal = tmp_path / "journal.csv"
    async with (
        running_simulator(rate=300, symbols=2, journal=journal) as second,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{second.ws_url}/ws/btcusdt@trade") as socket,
    ):
        live = await socket.receive_json(timeout=40)
        url = f"{second.rest_url}/api/v3/historicalTrades?symbol=BTCUSDT&fromId={seen[0]['t']}&limit=1000"
        served = await get(http, url)
    assert [(row["id"], row["price"], row["qty"], row["time"]) for row in served[: len(seen)]] == [
        (frame["t"], frame["p"], frame["q"], frame["T"]) for frame in seen
    ]
    assert seen[-1]["t"] < live["t"] <= seen[0]["t"] + len(served) + 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_with_0_when_told_even_with_clients_connected(number: signal.Signals) -> None:
    async with (
        running_simulator(symbols=2) as simulator,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{simulator.ws_url}/ws/btcusdt@trade") as socket,
    ):
        await socket.receive(timeout=40)
        os.kill(simulator.pid, number)
        assert await asyncio.wait_for(simulator.process.wait(), 20) == 0


async def test_it_ends_when_its_parent_does() -> None:
    async with running_simulator(symbols=2) as simulator:
        assert simulator.process.stdin is not None
        simulator.process.stdin.close()
        assert await asyncio.wait_for(simulator.process.wait(), 20) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--symbols", "501"), "must be from 1 to 500, not 501"),
        (("--rate", "0"), "must be above 0"),
        (("--port", "70000"), "must be from 0 to 65535, not 70000"),
        (("--market", "moon"), "invalid choice: 'moon'"),
        (("--faults", "nowhere.toml"), "nowhere.toml"),
    ],
)
async def test_wrong_arguments_are_refused_with_what_is_allowed(arguments: tuple[str, ...], complaint: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "alphaplus_tui.simulator", *arguments),
        cwd=REPOSITORY,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 2
    assert complaint in said.decode()


async def test_a_taken_port_is_said_in_one_line() -> None:
    async with running_simulator(symbols=1) as simulator:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "alphaplus_tui.simulator", "--symbols", "1", "--port", str(simulator.port)),
            cwd=REPOSITORY,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 1
    assert said.decode().count("\n") == 1
    assert "address already in use" in said.decode()
