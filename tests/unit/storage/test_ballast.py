"""The disk that is held back for PostgreSQL."""

import shutil
from pathlib import Path

from alphaplus_tui.storage.ballast import Ballast


def test_it_takes_real_blocks_while_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    Ballast(path, size=1_000_000, room_to_take=1).trim()
    assert path.stat().st_blocks * 512 >= 1_000_000


def test_it_is_given_up_when_the_disk_is_full_and_taken_again_later(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    free = shutil.disk_usage(tmp_path).free
    Ballast(path, size=1000, room_to_take=1).trim()
    Ballast(path, size=1000, room_to_take=free * 2, room_to_give=free * 2).trim()
    assert not path.exists()
    Ballast(path, size=1000, room_to_take=free * 2).trim()
    assert not path.exists()
    Ballast(path, size=1000, room_to_take=1).trim()
    assert path.exists()


def test_a_folder_that_is_not_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    Ballast(tmp_path / "nowhere" / "ballast").trim()
    assert not (tmp_path / "nowhere").exists()
