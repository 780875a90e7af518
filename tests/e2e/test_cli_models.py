"""From files of candles to a champion, its signals and the reasons, as a user does it."""

from pathlib import Path

import pytest

from tests.e2e.harness import exported, run, started
from tests.support import recorded
from tests.unit.models.test_foreign import own

SYMBOLS = ("BTC", "ETH", "SOL")
QUICK = {
    "ALPHAPLUS_TRAINING__TIMEFRAME": "1h",
    "ALPHAPLUS_TRAINING__ENGINES": "lightgbm",
    "ALPHAPLUS_TRAINING__FOLDS": "2",
}
"""A training that is done in seconds: resampled to hours, one engine, two folds."""


@pytest.fixture
def feathers() -> list[str]:
    return [str(recorded(f"ohlcv_binance_spot_2024/{base}_USDT-5m.feather")) for base in SYMBOLS]


@pytest.mark.timeout(300)
@pytest.mark.slow
async def test_from_candle_files_to_a_champion(tmp_path: Path, feathers: list[str]) -> None:
    done = await run(tmp_path, "import", *feathers, "--json", within_s=120)
    assert done.code == 0, done.stderr
    assert (done.last["rows"], done.last["new"], done.last["holes"]) == (215_566, 215_566, 0)
    again = await run(tmp_path, "import", feathers[0], "--json", within_s=120)
    assert (again.last["rows"], again.last["new"]) == (71_769, 0)

    trained = await run(
        tmp_path, "train", "--symbol", "BTC/USDT", "--symbol", "ETH/USDT", "--json", extra=QUICK, within_s=200
    )
    assert trained.code == 0, trained.stderr
    report = trained.last
    assert report["event"] == "report"
    assert len(report["folds"]) == 2
    assert set(report["pooled"]) == set(report["holdout"]) == {"log_loss", "gain_pct", "auc_direction", "ece"}
    assert set(report["signals"]) == {"n", "mean_bps", "low", "high"}
    assert "fold 1 of 2: lightgbm" in trained.stderr

    model = report["model"]
    listed = await run(tmp_path, "models", "list", "--json")
    (record,) = listed.last["models"]
    assert (record["id"], record["verdict"]) == (model, report["verdict"])
    assert record["instruments"] == ["imported:BTC/USDT", "imported:ETH/USDT"]
    shown = await run(tmp_path, "models", "show", model)
    assert shown.stdout.count(report["verdict"]) == 1
    assert "hold-out" in shown.stdout

    promoted = await run(tmp_path, "models", "promote", model, "--json", within_s=90)
    assert promoted.last == {"event": "champion", "model": model, "pinned": False}
    pinned = await run(tmp_path, "models", "pin", model, "--json")
    assert pinned.last["pinned"] is True
    refused = await run(tmp_path, "models", "rollback")
    assert (refused.code, "no earlier champion" in refused.stderr) == (2, True)

    why = await run(tmp_path, "why", "BTC/USDT", "--at", "2024-05-01T12:00:00Z", "--json")
    assert (why.code, why.last["decision"]) == (0, None)
    assert "2024-05-01T12:00:00Z" in why.last["reason"]
    signals = await run(tmp_path, "signals", "--json")
    assert signals.last == {"event": "signals", "signals": []}

    hours = await exported(tmp_path, "candles", "--symbol", "ETH/USDT", "--timeframe", "1h", "--until", "2024-01-03")
    assert [row["provenance"] for row in hours] == ["resampled"] * 48


async def test_files_that_hold_no_candles_are_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "BTC_USDT-5m.csv").write_text("hello,world\n1,2\n")
    (tmp_path / "notes.txt").write_text("hello")
    done = await run(tmp_path, "import", str(tmp_path), "--json")
    assert (done.code, done.last["rows"], done.last["skipped"]) == (1, 0, 1)
    assert done.last["each"][0]["trouble"]
    missing = await run(tmp_path, "import", "nowhere.feather")
    assert (missing.code, "no such file" in missing.stderr) == (2, True)


async def test_rows_holes_and_rejected_rows_are_counted(tmp_path: Path) -> None:
    """Ten minutes, of which one is missing, one is twice there and one makes no sense."""
    lines = ["date,open,high,low,close,volume"]
    for minute in (0, 1, 2, 2, 3, 4, 6, 7, 8, 9):
        high = 0.5 if minute == 8 else 2
        lines.append(f"2024-01-01T00:{minute:02}:00Z,1,{high},0.5,1.5,10")
    file = tmp_path / "prices.csv"
    file.write_text("\n".join(lines) + "\n")
    nameless = await run(tmp_path, "import", str(file))
    assert (nameless.code, "--symbol" in nameless.stderr) == (1, True)
    done = await run(tmp_path, "import", str(file), "--symbol", "ABC/USD", "--exchange", "kraken", "--json")
    assert done.code == 0, done.stderr
    assert (done.last["rows"], done.last["new"], done.last["rejected"]) == (8, 8, 2)
    assert (done.last["holes"], done.last["missing"]) == (2, 2)
    assert done.last["each"][0]["instrument"] == "kraken:ABC/USD"
    rows = await exported(tmp_path, "candles", "--symbol", "kraken:ABC/USD", "--timeframe", "1m")
    assert [row["open_time"][14:16] for row in rows] == ["00", "01", "02", "03", "04", "06", "07", "09"]


@pytest.mark.timeout(240)
async def test_a_running_engine_is_asked_and_told_over_its_socket(tmp_path: Path) -> None:
    async with started(tmp_path, "--headless", "--demo") as program:
        await program.line("ready", within_s=90)
        await program.until(lambda status: any(row.stage == "champion" for row in status.models), within_s=90)
        listed = await run(tmp_path, "models", "list", "--json")
        (champion,) = [row["id"] for row in listed.last["models"] if row["stage"] == "champion"]
        pinned = await run(tmp_path, "models", "pin", champion, "--json")
        assert pinned.last == {"event": "champion", "model": champion, "pinned": True}
        await program.until(lambda status: any(row.pinned for row in status.models))
        why = await run(tmp_path, "why", "BTC/USDT", "--json")
        assert why.last["decision"]["prediction"]["model"] == champion
        assert why.last["decision"]["as_of"] is True
        parts = [part["share"] for part in why.last["explanation"]["contributions"]]
        assert sum(parts) + why.last["explanation"]["base"] == pytest.approx(
            why.last["explanation"]["margin"], abs=1e-5
        )
        refused = await run(tmp_path, "models", "promote", "nothing")
        assert (refused.code, champion in refused.stderr) == (2, True)
        file = tmp_path / "own.onnx"
        file.write_bytes(own(features="return_1, return_12, volatility_24"))
        imported = await run(tmp_path, "models", "import", str(file), "--name", "mine", "--json", within_s=60)
        assert imported.last == {"event": "model imported", "model": "mine"}, imported.stderr
        await program.until(
            lambda status: any((row.id, row.serving) == ("mine", "challenger") for row in status.models)
        )
        failed = await run(tmp_path, "train", "--symbol", "NOPE/USDT")
        assert (failed.code, "NOPE/USDT" in failed.stderr) == (2, True)
