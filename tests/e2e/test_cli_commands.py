"""Commands that need no engine: help, usage, settings."""

import asyncio
import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.e2e.harness import Finished, command, environment, run

COMMANDS = (
    ("replay",),
    ("record",),
    ("simulate",),
    ("status",),
    ("doctor",),
    ("logs",),
    ("config", "show"),
    ("config", "init"),
    ("config", "path"),
    ("config", "schema"),
    ("db", "status"),
    *(("db", name) for name in ("migrate", "backup", "restore", "prune")),
    *(("alerts", name) for name in ("test", "list")),
    *(("secrets", name) for name in ("set", "list", "delete")),
    ("export", "candles"),
    ("export", "trades"),
    ("import",),
    ("coverage",),
    ("train",),
    ("signals",),
    ("why",),
    *(("models", name) for name in ("list", "show", "promote", "pin", "unpin", "rollback", "import")),
)


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_help_lists_the_commands_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.argv = ['alphaplus', '--help']\nimport alphaplus_tui.__main__ as entry\n"
        "try:\n    entry.main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "heavy = {'textual', 'rich', 'pydantic', 'asyncio', 'structlog', 'msgspec', 'numpy', 'ccxt', 'asyncpg'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "imported: []"
    for name in ("replay", "record", "simulate", "status", "config", "db", "export", "--headless", "--demo"):
        assert name in done.stdout


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
async def test_every_command_explains_itself(tmp_path: Path, name: tuple[str, ...]) -> None:
    done = await run(tmp_path, *name, "--help")
    assert done.code == 0
    assert f"alphaplus {' '.join(name)}" in done.stdout


async def test_the_version_is_told(tmp_path: Path) -> None:
    assert (await run(tmp_path, "--version")).stdout == "alphaplus 0.1.0\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("statsu",),
        ("status", "--jason"),
        ("--headless", "--duration", "soon"),
        ("--duration", "3s"),
        ("replay",),
        ("replay", "missing.gz"),
        ("export", "trades", "--since", "yesterday"),
        ("export", "candles", "--timeframe", "5min"),
        ("export", "trades", "--since", "2026-02-01", "--until", "2026-01-01"),
        ("coverage", "--since", "2026-02-01", "--until", "2026-02-01"),
        ("replay", __file__, "--headless", "--exchange", "kraken"),
        ("export", "trades", "--json"),
        ("export", "trades", "--output", "nowhere/file.csv"),
        ("record", "nowhere/file.gz"),
        ("simulate", "--symbols", "0"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_is_explained_on_stderr_with_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = await run(tmp_path, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr


@pytest.mark.parametrize("arguments", [(), ("--demo",), ("replay", "one.frame")], ids=["plain", "demo", "replay"])
async def test_a_console_without_a_terminal_says_what_to_do(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    recording = tmp_path / "one.frame"
    recording.write_text("1723075200000000000 {}\n")
    done = await run(tmp_path, *(str(recording) if word == recording.name else word for word in arguments))
    assert done.code == 2
    assert "--headless" in done.stderr
    assert not (tmp_path / ".local" / "share" / "alphaplus" / "demo" / "engine.lock").exists()


@pytest.mark.parametrize(
    "arguments", [("--headless",), ("status",), ("config", "show"), ("db", "status"), ("record", "x.gz")], ids=" ".join
)
async def test_a_wrong_configuration_ends_every_command_with_78(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = write(tmp_path / "my.toml", "[exchange]\nid = 'binace'\n[ui]\nfps = 99\n")
    done = await run(tmp_path, *arguments, "--config", str(file))
    assert (done.code, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        "Wrong configuration:",
        f"  file {file}: ui.fps = 99: must be a whole number from 1 to 30",
        f"  file {file}: exchange.id = 'binace': not a known exchange; did you mean 'binance'?",
    ]


async def test_an_unknown_exchange_is_a_wrong_configuration(tmp_path: Path) -> None:
    done = await run(tmp_path, "--headless", extra={"ALPHAPLUS_EXCHANGE__ID": "binace"})
    assert done.code == 78
    assert done.stderr == (
        "Wrong configuration: environment ALPHAPLUS_EXCHANGE__ID: exchange.id = 'binace': "
        "not a known exchange; did you mean 'binance'?\n"
    )


@pytest.mark.parametrize("group", [(), ("db",), ("export",), ("models",), ("secrets",)], ids=" ".join)
async def test_every_command_is_told_in_a_line_that_is_not_cut(tmp_path: Path, group: tuple[str, ...]) -> None:
    done = await run(tmp_path, *group, "--help", extra={"COLUMNS": "80"})
    _, told = done.stdout.split("Commands:\n")
    assert "..." not in told


async def test_what_the_locale_cannot_write_is_written_otherwise(tmp_path: Path) -> None:
    folder = str(tmp_path / "█")
    done = await run(tmp_path, "config", "path", extra={"XDG_CONFIG_HOME": folder, "PYTHONIOENCODING": "latin-1"})
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(folder.replace("█", r"\u2588"))


async def test_a_data_folder_that_cannot_be_used_is_a_wrong_configuration(tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    done = await run(tmp_path, "--headless", "--data-dir", str(tmp_path / "file"))
    assert done.code == 78
    assert "--data-dir" in done.stderr


async def test_status_without_an_engine_says_so(tmp_path: Path) -> None:
    done = await run(tmp_path, "status", "--json")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("Not running: no AlphaPlus uses ")


async def test_a_first_configuration_is_written_once_and_can_be_used(tmp_path: Path) -> None:
    first = await run(tmp_path, "config", "init")
    file = Path(first.stdout.strip())
    assert (first.code, file.is_relative_to(tmp_path), mode_of(file)) == (0, True, 0o600)
    assert (await run(tmp_path, "config", "path")).stdout.strip() == str(file)
    second = await run(tmp_path, "config", "init")
    assert second.code == 2
    assert "--force" in second.stderr
    assert (await run(tmp_path, "config", "init", "--force", "--json")).last == {"event": "config", "file": str(file)}
    assert (await run(tmp_path, "config", "show")).code == 0


async def test_settings_are_shown_as_toml_that_could_be_a_configuration(tmp_path: Path) -> None:
    file = write(
        tmp_path / "my.toml", "[ui]\nfps = 7\n[keys]\nquit = 'f10'\n[exchange.overrides.kraken]\nws_url = ''\n"
    )
    done = await run(tmp_path, "config", "show", "--config", str(file))
    shown = tomllib.loads(done.stdout)
    assert (shown["ui"]["fps"], shown["keys"], shown["exchange"]["id"]) == (7, {"quit": "f10"}, "demo")


async def test_each_setting_tells_where_it_came_from_and_secrets_are_masked(tmp_path: Path) -> None:
    file = write(tmp_path / "my.toml", "[ui]\nfps = 7\n")
    done = await run(
        *(tmp_path, "config", "show", "--origin", "--json", "--config", str(file), "--log-level", "debug", "--demo"),
        extra={"ALPHAPLUS_DATABASE__PASSWORD": "canary", "ALPHAPLUS_UI__THEME": "nord"},
    )
    assert "canary" not in done.stdout + done.stderr
    shown = done.last
    assert shown["ui.fps"] == {"value": 7, "origin": f"file {file}"}
    assert shown["ui.theme"] == {"value": "nord", "origin": "environment ALPHAPLUS_UI__THEME"}
    assert shown["logging.level"] == {"value": "debug", "origin": "command line --log-level"}
    assert shown["exchange.id"] == {"value": "demo", "origin": "command line --demo"}
    assert shown["database.password"]["value"] == "********"
    assert shown["ui.symbols"]["origin"] == "default"


async def test_the_schema_describes_every_section(tmp_path: Path) -> None:
    schema = json.loads((await run(tmp_path, "config", "schema")).stdout)
    learning = {"training", "inference", "signals", "sentiment"}
    outside = {"alerts", "api", "sharding"}
    assert set(schema["properties"]) == {"exchange", "demo", "database", "ui", "keys", "logging", *learning, *outside}


async def test_the_demo_exchange_runs_alone_and_tells_its_addresses(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("simulate", "--symbols", "2", "--exit-with-parent"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(tmp_path),
    )
    assert process.stdin
    assert process.stdout
    async with asyncio.timeout(60):
        addresses = json.loads(await process.stdout.readline())
        process.stdin.close()
        await process.wait()
    assert addresses["rest_url"].startswith("http://127.0.0.1:")
    assert addresses["ws_url"].startswith("ws://127.0.0.1:")


async def test_a_short_command_leaves_no_files_readable_by_others(tmp_path: Path) -> None:
    done: Finished = await run(tmp_path, "status")
    assert done.code == 1
    assert [path for path, _, _ in os.walk(tmp_path) if Path(path) != tmp_path and mode_of(Path(path)) & 0o077] == []
