"""A recording of the real exchange, replayed through the whole program, gives the exchange's own numbers."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.harness import exported, run
from tests.support import recorded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CAPTURE = "ws_binance_hftbacktest/spot_btcusdt_20240808.gz"


async def test_a_replay_stores_every_trade_once_and_the_exchanges_own_candle(tmp_path: Path) -> None:
    golden = json.loads(recorded("golden/golden.json").read_text())["candles"][0]
    folder = ("--data-dir", str(tmp_path / "data"))
    done = await run(tmp_path, "replay", str(recorded(CAPTURE)), "--headless", "--speed", "max", *folder)
    assert done.code == 0, done.stderr
    assert done.last["trades_committed"] == golden["trades"]
    assert done.last["gaps_open"] == 0

    trades = await exported(tmp_path, "trades", *folder)
    ids = [int(row["trade_id"]) for row in trades]
    assert ids == list(range(golden["first_trade_id"], golden["last_trade_id"] + 1))

    candles = await exported(tmp_path, "candles", *folder)
    stored = {(row["timeframe"], row["open_time"]): row for row in candles}
    for timeframe, expected in (
        *(("5m", candle) for candle in golden["candles_5m"] if candle["equals_exchange_candle"]),
        *(("1m", candle) for candle in golden["candles_1m_computed_from_trades"]),
    ):
        row = stored[timeframe, _iso(expected["open_time"])]
        assert row["provenance"] == "replayed"
        assert int(row["trades"]) == expected["trades"]
        for name in ("open", "high", "low", "close", "volume"):
            assert f"{float(row[name]):.8f}" == expected[name], (timeframe, row["open_time"], name)


async def test_replaying_twice_into_one_folder_doubles_nothing(tmp_path: Path) -> None:
    folder = ("--data-dir", str(tmp_path / "data"))
    for _ in range(2):
        done = await run(tmp_path, "replay", str(recorded(CAPTURE)), "--headless", "--speed", "max", *folder)
        assert done.code == 0, done.stderr
    assert len(await exported(tmp_path, "trades", *folder)) == 9757


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
