"""A recording judged twice gives the same decisions, byte for byte."""

import json
from pathlib import Path

import pytest

from tests.e2e.harness import Report, run
from tests.fakes.artefacts import PRICES_ALONE, a_registry, shelve
from tests.support import recorded

MOMENTS = ("2024-08-08T23:56:00Z", "2024-08-09T00:01:00Z")


async def judged(home: Path) -> list[Report]:
    """The decisions of a fresh data folder on the two candles that the recording closes."""
    history = recorded("ohlcv_binance_spot_2024/BTC_USDT-5m.feather")
    recording = recorded("ws_binance_hftbacktest/spot_btcusdt_20240808.gz")
    data = home / "data"
    shelve(a_registry(data / "models"), "linear", champion=True, features=PRICES_ALONE)
    folder = ("--data-dir", str(data))
    done = await run(home, "import", str(history), "--exchange", "binance", "--json", *folder, within_s=100)
    assert done.code == 0, done.stderr
    done = await run(home, "replay", str(recording), "--headless", "--speed", "max", *folder, within_s=100)
    assert done.code == 0, done.stderr
    assert done.last["decisions"] == len(MOMENTS)
    answers = [await run(home, "why", "BTC/USDT", "--at", at, "--json", *folder) for at in MOMENTS]
    return [answer.last["decision"] for answer in answers]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_recording_gives_the_same_decisions_twice(tmp_path: Path) -> None:
    first, second = await judged(tmp_path / "first"), await judged(tmp_path / "second")
    assert all(decision["prediction"]["probabilities"] for decision in first)
    assert first[0]["id"] != first[1]["id"]
    assert json.dumps(first) == json.dumps(second)
