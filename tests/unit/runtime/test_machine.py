"""The doctor sees what others could read, a disk that fills, and says how to mend it."""

import shlex
import subprocess
import time
from pathlib import Path

from alphaplus_tui.runtime.findings import Finding
from alphaplus_tui.runtime.machine import disk, permissions
from alphaplus_tui.settings.paths import Paths


def looked_at(folder: Path) -> list[Finding]:
    paths = Paths(data=folder / "data", cache=folder / "cache", runtime=folder / "runtime")
    return list(permissions(paths, folder / "alphaplus.toml", folder / "secrets.json"))


def make(folder: Path) -> None:
    for name in ("data", "cache", "runtime"):
        (folder / name).mkdir(mode=0o700)
    for name in ("alphaplus.toml", "secrets.json", "data/api-token"):
        (folder / name).touch(mode=0o600)


def test_what_is_ours_alone_is_fine_and_so_is_what_is_not_there_yet(tmp_path: Path) -> None:
    assert [found.level for found in looked_at(tmp_path)] == ["ok"]
    make(tmp_path)
    (tmp_path / "alphaplus.toml").chmod(0o644)
    assert [found.level for found in looked_at(tmp_path)] == ["ok"]


def test_each_file_that_others_could_use_is_named_with_the_command_that_closes_it(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "data").chmod(0o755)
    (tmp_path / "secrets.json").chmod(0o640)
    (tmp_path / "alphaplus.toml").chmod(0o664)
    found = looked_at(tmp_path)
    assert {one.level for one in found} == {"fail"}
    assert {one.fix for one in found} == {
        f"chmod go= {tmp_path / 'data'}",
        f"chmod go= {tmp_path / 'secrets.json'}",
        f"chmod go-w {tmp_path / 'alphaplus.toml'}",
    }
    for one in found:
        subprocess.run(shlex.split(one.fix), check=True)
    assert [one.level for one in looked_at(tmp_path)] == ["ok"]


def test_a_disk_is_forecast_from_what_came_in_so_far(tmp_path: Path) -> None:
    day = 86_400
    assert "too young for a forecast" in disk(tmp_path, stored_bytes=10**6, since=time.time()).text
    assert "too young" in disk(tmp_path / "not" / "there", stored_bytes=0, since=None).text
    fast = disk(tmp_path, stored_bytes=10**15, since=time.time() - day)
    assert fast.level in {"warn", "fail"}
    assert "retain_trades_days" in fast.fix
    assert "lasts for about 0 more" in fast.text
