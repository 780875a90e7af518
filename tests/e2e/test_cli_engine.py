"""Commands around a running engine: its start, its end, and everybody who meets it."""

import csv
import json
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import psutil
import pytest

from alphaplus_tui.settings.engine_lock import running
from tests.e2e.harness import Program, run, started
from tests.support import eventually
from tests.unit.headless.test_supervisor import Ear

DEMO = ("--headless", "--demo")
FEW = {"ALPHAPLUS_DEMO__SYMBOLS": "2", "ALPHAPLUS_EXCHANGE__HISTORY_CANDLES": "50"}


def data_of(home: Path) -> Path:
    return home / ".local" / "share" / "alphaplus" / "demo"


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def log_of(home: Path) -> str:
    return (data_of(home) / "logs" / "alphaplus.log").read_text()


async def gone(family: list[psutil.Process]) -> None:
    await eventually(lambda: not [process for process in family if process.is_running()])


async def ready(program: Program) -> None:
    found = await program.line("ready", within_s=60)
    assert found["pid"] == program.pid
    assert found["startup_s"] > 0
    assert found["api"].startswith("http://127.0.0.1:")


async def test_a_running_engine_is_met_by_every_other_command(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await ready(engine)

        second = await run(tmp_path, *DEMO)
        assert (second.code, second.stdout) == (75, "")
        assert f"pid {engine.pid}, since 20" in second.stderr

        status = (await run(tmp_path, "status", "--json")).last
        assert (status["pid"], status["system"]["mode"]) == (engine.pid, "DEMO")
        assert {service["name"] for service in status["services"]} >= {"ingestion", "persistence", "candles"}
        shown = await run(tmp_path, "status", "--demo")
        assert f"pid {engine.pid}" in shown.stdout
        assert "ingestion" in shown.stdout

        database = (await run(tmp_path, "db", "status", "--json", extra=FEW)).last
        assert database["kind"] == "embedded"
        assert (await run(tmp_path, "db", "migrate", "--json")).last["to"] == database["schema_version"]

        file = tmp_path / "trades.csv"
        exported = await run(
            *(tmp_path, "export", "trades", "--symbol", "BTC/USDT", "--output", str(file), "--json"), extra=FEW
        )
        assert exported.last["file"] == str(file)
        rows = read_csv(file)
        assert list(rows[0]) == ["exchange", "symbol", "trade_id", "ts", "price", "quantity", "side"]
        assert len(rows) == exported.last["rows"] + 1
        assert stat.S_IMODE(mode_of(file)) == 0o600

        assert open_to_others(data_of(tmp_path)) == []
        engine.send(signal.SIGTERM)
        done = await engine.ends(within_s=20)
    assert done.code == 143
    assert done.last["event"] == "summary"
    after = await run(tmp_path, "status")
    assert (after.code, after.stdout) == (1, "")


def names_in(folder: Path) -> set[str]:
    return {path.name[: len(".t.csv")] for path in folder.iterdir()}


def mode_of(file: Path) -> int:
    return file.stat().st_mode


def read_csv(file: Path) -> list[list[str]]:
    with file.open(newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_ends_the_engine_in_order_and_leaves_nobody_behind(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await ready(engine)
        family = engine.family()
        assert len(family) > 1
        engine.send(number)
        done = await engine.ends(within_s=20)
    assert done.code == code
    summary = done.last
    assert (summary["event"], summary["gaps_open"]) == ("summary", 0)
    await gone(family)
    assert not (data_of(tmp_path) / "engine.json").exists()
    assert "engine_stopped" in log_of(tmp_path).splitlines()[-1]


async def test_a_signal_in_the_middle_of_the_start_is_obeyed(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await eventually((data_of(tmp_path) / "engine.json").exists, within_s=30)
        engine.send(signal.SIGTERM)
        done = await engine.ends(within_s=20)
    assert done.code == 143
    assert running(data_of(tmp_path)) is None


async def test_after_a_kill_nobody_is_left_and_the_next_start_works(tmp_path: Path) -> None:
    async with started(tmp_path, *DEMO, extra=FEW) as engine:
        await ready(engine)
        family = engine.family()
        engine.send(signal.SIGKILL)
        await engine.ends()
    await gone(family)
    done = await run(tmp_path, *DEMO, "--duration", "1s", extra=FEW)
    assert done.code == 0
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["ready", "summary"]


async def test_nothing_is_exported_from_a_folder_that_was_never_used(tmp_path: Path) -> None:
    done = await run(tmp_path, "export", "trades", "--output", str(tmp_path / "t.csv"))
    assert done.code == 2
    assert names_in(tmp_path) & {"t.csv", ".t.csv"} == set()


async def test_systemd_hears_that_it_is_ready_lives_and_stops(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    ear = Ear(str(folder / "notify"))
    extra = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"}
    async with started(tmp_path, "--demo", "--headless", extra=extra) as program:
        await program.line("ready", within_s=60)
        await eventually(lambda: ear.listen().count("WATCHDOG=1") > 2)
        environments = [member.environ() for member in program.family()[1:]]
        program.send(signal.SIGTERM)
        assert (await program.ends()).code == 143
    told = ear.listen()
    assert told[0] == "READY=1"
    assert told.index("READY=1") < told.index("WATCHDOG=1") < told.index("STOPPING=1")
    assert environments
    assert not any("NOTIFY_SOCKET" in environ for environ in environments)
    ear.socket.close()
    shutil.rmtree(folder)
