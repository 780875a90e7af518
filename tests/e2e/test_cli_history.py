"""History comes in from files and from an exchange, by commands, as a user gives them."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.harness import exported, pointed_at, run, started
from tests.integration.storage.server import connected, server, url
from tests.support import recorded
from tests.support_simulator import running_simulator

__all__ = ["server", "url"]
DAY = ("--since", "2026-10-01", "--until", "2026-10-02")


async def test_a_folder_of_many_makers_comes_in_and_each_guess_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    for path in (
        "ohlcv_lean/crypto_coinbase_minute_btcusd_20180404_trade.zip",
        "ohlcv_lean/crypto_coinbase_second_btcusd_20161007_trade.zip",
        "stream_csv_binance_2025/test_positive_binance_trade_stream_spot_trxusdt_04-03-2025.csv.gz",
        "stream_csv_binance_2025/test_positive_binance_difference_depth_stream_spot_trxusdt_04-03-2025.csv.gz",
    ):
        (folder / Path(path).name).symlink_to(recorded(path))
    done = await run(tmp_path, "import", str(folder))
    assert done.code == 0, done.stderr
    assert (
        "lean-trade · times in ms of the day, UTC · columns time open high low close volume (no header)" in done.stderr
    )
    assert "imported:BTC/USD 1m, 1,007 rows (1,007 new) from 2018-04-04T00:00:00Z" in done.stderr
    assert "2 holes (433 candles missing)" in done.stderr
    assert "imported:BTC/USD 1s, 4,063 rows (4,063 new)" in done.stderr
    assert "3,801 holes (82,337 candles missing)" in done.stderr
    assert "binance:TRX/USDT trades, 10,000 rows (10,000 new)" in done.stderr
    assert done.stderr.count("difference_depth_stream") == 1, "a file that is skipped is named once"
    assert done.stdout.strip().endswith("; 0 rows rejected, 1 file skipped")
    trades = await exported(tmp_path, "trades", "--symbol", "TRX/USDT")
    assert (len(trades), trades[0]["trade_id"], trades[0]["ts"]) == (10_000, "348656870", "2025-03-04T00:00:01.271497Z")


async def test_what_was_exported_can_be_imported_elsewhere(tmp_path: Path) -> None:
    source = recorded("ohlcv_binance_spot_2024/BTC_USDT-1d.feather")
    await run(tmp_path, "import", str(source))
    before = await exported(tmp_path, "candles", "--timeframe", "1d")
    for name in ("csv", "parquet"):
        file, other = tmp_path / f"out.{name}", tmp_path / name
        other.mkdir()
        await run(tmp_path, "export", "candles", "--timeframe", "1d", "--format", name, "--output", str(file))
        done = await run(other, "import", str(file), "--json")
        assert (done.last["rows"], done.last["missing"]) == (249, 0), done.stderr
        assert await exported(other, "candles", "--timeframe", "1d") == before


@pytest.mark.parametrize("kind", ["candles", "trades", "signals", "decisions"])
async def test_an_export_of_nothing_is_an_empty_table_in_every_format(tmp_path: Path, kind: str) -> None:
    await run(tmp_path, "import", str(recorded("ohlcv_lean/crypto_coinbase_daily_btcusd_trade.zip")))
    for name, begins in (("csv", ""), ("json", "[]"), ("parquet", "PAR1")):
        file = tmp_path / f"out.{name}"
        wanted = ("--format", name, "--output", str(file), "--until", "2001-01-01", "--json")
        done = await run(tmp_path, "export", kind, *wanted)
        assert done.last == {"event": "exported", "rows": 0, "file": str(file)}, done.stderr
        assert file.read_bytes().startswith(begins.encode())


async def test_a_backfill_equals_the_exchange_and_a_second_one_finds_nothing_to_do(tmp_path: Path) -> None:
    async with running_simulator() as simulator:
        extra = pointed_at(simulator.rest_url, simulator.ws_url)
        wanted = ("backfill", "--symbol", "BTC/USDT", "--timeframe", "1m", *DAY, "--json")
        done = await run(tmp_path, *wanted, extra=extra)
        assert done.code == 0, done.stderr
        assert (done.last["new"], done.last["each"][0]["missing"]) == (1_440, 0)
        again = await run(tmp_path, *wanted, extra=extra)
        assert (again.last["new"], again.last["each"][0]["fetched"]) == (0, 0)
        query = "symbol=BTCUSDT&interval=1m&startTime=1790812800000&limit=1000"
        async with aiohttp.ClientSession() as http, http.get(f"{simulator.rest_url}/api/v3/klines?{query}") as answer:
            theirs = await answer.json()
    ours = await exported(tmp_path, "candles", "--timeframe", "1m", "--symbol", "demo:BTC/USDT")
    assert {row["provenance"] for row in ours} == {"backfilled"}
    assert [[float(row[name]) for name in ("open", "high", "low", "close", "volume")] for row in ours[:1000]] == [
        [float(cell) for cell in row[1:6]] for row in theirs
    ]
    hours = await exported(tmp_path, "candles", "--timeframe", "1h", "--symbol", "demo:BTC/USDT")
    assert [row["provenance"] for row in hours] == ["resampled"] * 24, "longer ones are made of what is stored"


@pytest.mark.timeout(180)
async def test_ctrl_c_leaves_what_was_written_and_the_next_one_goes_on_from_there(tmp_path: Path, url: str) -> None:
    extra = {"ALPHAPLUS_DATABASE__URL": url, "ALPHAPLUS_DEMO__RATE": "100"}
    wanted = ("backfill", "--demo", "--symbol", "BTC/USDT", "--trades", *DAY, "--json")

    async def stored() -> int:
        async with connected(url) as connection:
            if await connection.fetchval("SELECT to_regclass('trades')") is None:
                return 0
            return await connection.fetchval("SELECT count(*) FROM trades")

    async with started(tmp_path, *wanted, extra=extra) as first:
        async with asyncio.timeout(60):
            while True:
                if await stored():
                    break
                await asyncio.sleep(0.02)
        first.send(signal.SIGINT)
        assert (await first.ends()).code == 130
    written = await stored()
    short = ("backfill", "--demo", "--symbol", "BTC/USDT", "--trades", "--since", "2026-10-01", "--json")
    done = await run(tmp_path, *short, "--until", "2026-10-01T00:20:00Z", extra=extra)
    assert done.code == 0, done.stderr
    async with connected(url) as connection:
        span = await connection.fetchval("SELECT max(seq) - min(seq) + 1 FROM trades")
    count = await stored()
    assert count == span, "no trade is missing between the first and the last"
    assert count >= written
    assert done.last["new"] == count - written


@pytest.mark.timeout(180)
async def test_a_running_engine_shares_its_database_with_a_backfill(tmp_path: Path) -> None:
    async with started(tmp_path, "--headless", "--demo") as program:
        await program.line("ready", within_s=90)
        done = await run(tmp_path, "backfill", "--demo", "--symbol", "ETH/USDT", "--timeframe", "1h", *DAY, "--json")
        assert (done.code, done.last["new"]) == (0, 24), done.stderr
        program.send(signal.SIGINT)
        assert (await program.ends()).code == 130


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--timeframe", "1m"), "--symbol BTC/USDT"),
        (("--symbol", "BTC/USDT"), "say what to load"),
        (("--symbol", "BTC/USDT", "--timeframe", "7m"), "--timeframe: unknown timeframe '7m'"),
        (("--symbol", "BTC/USDT", "--timeframe", "1m", "--until", "2020-01-01"), "--since is not before --until"),
        (("--symbol", "kraken:BTC/USD", "--timeframe", "1m"), 'settings with exchange.id = "kraken" can load it'),
    ],
)
async def test_a_backfill_of_nothing_is_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = await run(tmp_path, "backfill", "--since", "2026-01-01", *arguments)
    assert done.code == 2
    assert message in done.stderr


async def test_an_exchange_that_does_not_answer_is_waited_for_as_long_as_was_said(tmp_path: Path) -> None:
    nobody = pointed_at("http://127.0.0.1:9", "ws://127.0.0.1:9")
    wanted = ("backfill", "--symbol", "BTC/USDT", "--timeframe", "1m", *DAY, "--timeout", "2s")
    done = await run(tmp_path, *wanted, extra=nobody)
    assert done.code == 1
    assert "No answer: demo gave no answer within 2 s: " in done.stderr


async def test_real_history_is_refused_where_the_demo_market_was_asked_for(tmp_path: Path) -> None:
    done = await run(tmp_path, "import", "--demo", str(tmp_path))
    assert done.code == 2
    assert "import without --demo" in done.stderr


async def test_a_replay_of_what_is_no_recording_ends_before_anything_is_started(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello\n")
    done = await run(tmp_path, "replay", str(notes), "--headless")
    assert done.code == 2
    assert f"{notes}: is no recording" in done.stderr
    assert not list(tmp_path.rglob("PG_VERSION"))
