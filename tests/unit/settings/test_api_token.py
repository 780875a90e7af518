"""The token of the API is its owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.api import ApiSettings
from alphaplus_tui.settings.api_token import ensure_token, read_token


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "api-token"
    token = ensure_token(file)
    assert len(token) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ensure_token(file) == token == read_token(file)
    assert [one.name for one in tmp_path.iterdir()] == ["api-token"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_token_that_others_could_have_read_is_replaced(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "api-token"
    before = ensure_token(file)
    file.chmod(mode)
    assert ensure_token(file) != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short", "a b" * 20, "é" * 43, "x" * 5000])
def test_what_is_no_token_is_replaced_and_never_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "api-token"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no token"):
        read_token(file)
    assert ensure_token(file) == read_token(file)


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "api-token"
    token = ensure_token(other)
    file.symlink_to(other)
    assert ensure_token(file) != token
    assert not file.is_symlink()
    assert read_token(other) == token


def test_a_missing_token_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="api-token: the token of the API cannot be read"):
        read_token(tmp_path / "api-token")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none" / "api-token"
    with pytest.raises(ConfigError, match="the token of the API cannot be written"):
        ensure_token(file)
    assert not os.path.lexists(file)


@pytest.mark.parametrize(
    ("enabled", "headless", "served"),
    [("headless", True, True), ("headless", False, False), (True, False, True), (False, True, False)],
)
def test_the_api_is_served_headless_unless_said_otherwise(enabled: bool | str, headless: bool, served: bool) -> None:
    assert ApiSettings.model_validate({"enabled": enabled}).serves(headless=headless) is served
