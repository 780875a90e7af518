"""Which folders are used."""

import os
import stat
from pathlib import Path

import pytest

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.paths import locate


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_invented_prices_live_below_the_real_ones_and_never_among_them(home: Path) -> None:
    live, demo, replay = (locate(mode).data for mode in ("live", "demo", "replay"))
    assert live.is_relative_to(home)
    assert (demo, replay) == (live / "demo", live / "replay")


def test_a_named_data_folder_is_used_as_it_is_in_every_mode(tmp_path: Path) -> None:
    assert {locate(mode, data_dir=tmp_path / "x").data for mode in ("live", "demo", "replay")} == {tmp_path / "x"}


def test_all_folders_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    paths = locate("demo", environ={"XDG_RUNTIME_DIR": str(tmp_path)})
    paths.prepare()
    assert [mode_of(folder) for folder in (paths.data, paths.data.parent, paths.cache, paths.logs, paths.runtime)] == [
        0o700
    ] * 5


def test_an_empty_folder_that_was_open_is_closed_but_one_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    for folder in (empty, full):
        folder.mkdir()
        folder.chmod(0o755)
    (full / "holiday.jpg").touch()
    for folder in (empty, full):
        locate("live", data_dir=folder, environ={"XDG_RUNTIME_DIR": str(tmp_path)}).prepare()
    assert (mode_of(empty), mode_of(full)) == (0o700, 0o755)


def test_sockets_get_a_short_folder_of_their_own_for_each_data_folder(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    one, other = (locate("live", data_dir=tmp_path / name, environ=environ).runtime for name in ("a" * 100, "b"))
    assert one != other
    assert one.parent == other.parent
    assert one.name.startswith("alphaplus-")


def test_a_runtime_folder_too_long_for_a_socket_is_not_used(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    runtime = locate("live", environ={"XDG_RUNTIME_DIR": str(deep)}).runtime
    assert not runtime.is_relative_to(deep)
    assert len(os.fsencode(runtime)) <= 85
    assert f"-{os.getuid()}-" in runtime.name


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    paths = locate("live", data_dir=tmp_path / "d", environ={"XDG_RUNTIME_DIR": str(tmp_path)})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths.runtime.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="nobody else can enter"):
        paths.prepare()


def test_a_data_folder_that_is_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="--data-dir"):
        locate("live", data_dir=tmp_path / "file" / "below").prepare()
