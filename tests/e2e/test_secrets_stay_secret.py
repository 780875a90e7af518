"""Canary secrets go through a whole run, and appear nowhere but where they are kept."""

import asyncio
import subprocess
import sys
import zipfile
from pathlib import Path

import aiohttp
import psutil
import pytest

from alphaplus_tui.settings.api_token import read_token
from tests.e2e.harness import command, data_folder, environment, run, started
from tests.e2e.terminal import terminal
from tests.support import REPOSITORY, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("machine")]

PASSWORD, TOKEN, USER = "canary-pw-81c2f0", "canaryhook77e1d0c4", "canary-user-5b1a"
CANARIES = (PASSWORD, TOKEN, USER)

RULES = """
[alerts]
channels = ["ops", "nobody"]
[[alerts.rules]]
when = "disk"
free_mb = 999000000
after_s = 0
[[alerts.rules]]
when = "price"
symbols = ["BTC/USDT"]
above = 0.5
below = 100000000
"""


def kept(home: Path, name: str, value: str, *options: str) -> subprocess.CompletedProcess[str]:
    """``alphaplus secrets set``, with the value on stdin."""
    return subprocess.run(
        command("secrets", "set", name, *options),
        input=f"{value}\n",
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


def found_in(folder: Path, *, but: Path) -> list[str]:
    """Files that hold a canary."""
    return [
        f"{path}: {canary}"
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path != but
        for canary in CANARIES
        if canary.encode() in path.read_bytes()
    ]


async def answer(url: str, token: str) -> str:
    """What the API says, whatever its status."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        assert response.status in {200, 503}, url
        return await response.text()


async def seen_on_screens(home: Path, *options: str) -> list[str]:
    """An attached console's Services screen, its Logs screen where a channel failed, and all that it ever drew."""
    async with terminal(home, "attach", "--demo", *options) as seen:
        await eventually(lambda: seen.shows("attached"), within_s=60)
        seen.type(b"4")
        await eventually(lambda: seen.shows("alerts") and seen.shows("persistence"), within_s=30)
        services = seen.text
        seen.type(b"5")
        await eventually(lambda: seen.shows("· following"), within_s=30)
        seen.type(b"/")
        await eventually(lambda: seen.shows("search the log"), within_s=30)
        seen.type(b"alert_channel_away\r")
        await eventually(lambda: seen.shows("channel=ops"), within_s=30)
        return [services, seen.text, seen.raw.decode(errors="replace")]


async def test_canaries_appear_in_no_log_table_dump_bundle_answer_screen_or_argument(tmp_path: Path) -> None:
    config, bundle, dump = tmp_path / "c.toml", tmp_path / "bundle.zip", tmp_path / "all.dump"
    config.write_text(RULES)
    url = f"json://{USER}:{PASSWORD}@127.0.0.1:9/{TOKEN}?+X-Key={TOKEN}"
    said = kept(tmp_path, "ops", url, "--file")
    assert said.returncode == 0, said.stderr
    secrets = tmp_path / ".config" / "alphaplus" / "secrets.json"
    assert TOKEN in secrets.read_text()
    extra = {"ALPHAPLUS_DATABASE__PASSWORD": PASSWORD}
    options = ("--config", str(config), "--log-level", "debug")
    heard: list[str] = [said.stdout, said.stderr]
    async with started(tmp_path, "--headless", "--demo", *options, extra=extra) as program:
        url = (await program.line("ready", within_s=60))["api"]
        await program.until(lambda status: any("ops" in row.reason for row in status.services if row.name == "alerts"))
        arguments = [word for member in program.family() for word in _arguments(member)]
        token = read_token(program.data / "api-token")
        answers = [
            await answer(url + path, token) for path in ("/metrics", "/api/v1/services", "/api/v1/alerts", "/readyz")
        ]
        screens = await seen_on_screens(tmp_path, *options)
        for words in (
            ("logs", "--json", "--limit", "10000"),
            ("logs", "--limit", "10000"),
            ("status", "--json"),
            ("doctor", "--json", "--bundle", str(bundle)),
            ("db", "backup", str(dump)),
            ("alerts", "list", "--json"),
            ("alerts", "test", "--channel", "ops"),
            ("secrets", "list"),
            ("config", "show", "--origin"),
        ):
            done = await run(tmp_path, *words, "--demo", *options, extra=extra)
            heard += [done.stdout, done.stderr]
        program.process.terminate()
        ended = await program.ends(within_s=30)
        heard += [ended.stdout, ended.stderr]
    spoken = "\n".join((*heard, *arguments, *answers, *screens))
    assert token not in spoken
    assert "Disk nearly full" in spoken
    assert "ops" in spoken
    for canary in CANARIES:
        assert canary not in spoken
    assert found_in(data_folder(tmp_path), but=secrets) == []
    assert found_in(tmp_path, but=secrets) == []
    with zipfile.ZipFile(bundle) as packed:
        assert {"doctor.json", "settings.json", "status.json", "log.jsonl"} == set(packed.namelist())
        contents = "".join(packed.read(name).decode() for name in packed.namelist())
    assert "alert_raised" in contents
    for canary in CANARIES:
        assert canary not in contents


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_a_secret_is_asked_for_kept_listed_and_deleted_and_never_shown(tmp_path: Path) -> None:
    extra = {
        "PYTHON_KEYRING_BACKEND": "tests.fakes.keyring_backend.MemoryKeyring",
        "FAKE_KEYRING": str(tmp_path / "ring.json"),
        "PYTHONPATH": str(REPOSITORY),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "alphaplus_tui", "secrets", "set", "ops"),
        env=environment(tmp_path, extra),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    told, _ = await process.communicate(f"{TOKEN}\n".encode())
    assert process.returncode == 0, told
    assert told.decode() == "ops is kept in the keyring\n"
    listed = await run(tmp_path, "secrets", "list", "--json", extra=extra)
    assert {"name": "ops", "origin": "keyring"} in listed.last["secrets"]
    deleted = await run(tmp_path, "secrets", "delete", "ops", extra=extra)
    assert deleted.code == 0
    again = await run(tmp_path, "secrets", "delete", "ops", extra=extra)
    assert (again.code, again.stderr) == (2, "Unknown name: unknown secret 'ops'; known: none\n")
    nothing = await run(tmp_path, "secrets", "set", "ops", extra=extra)
    assert nothing.code == 2
    assert "nothing was given" in nothing.stderr
    wrong = await run(tmp_path, "secrets", "set", f"tgram://{TOKEN}", extra=extra)
    assert wrong.code == 2
    assert TOKEN not in told.decode() + listed.stdout + wrong.stderr
