"""Keys and themes that the console does not know are a wrong configuration, said before anything starts."""

from pathlib import Path

import pytest

from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.root import load_settings
from alphaplus_tui.tui.actions import ACTIONS
from alphaplus_tui.tui.keymap import normal, wrong_keys


def refusal(tmp_path: Path, text: str) -> ConfigError | None:
    """What is said of a configuration file with ``text`` in it; None when it is taken."""
    file = tmp_path / "alphaplus.toml"
    file.write_text(text)
    try:
        check_console_settings(load_settings(file, environ={}))
    except ConfigError as wrong:
        return wrong
    return None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys]\nquitt = 'f10'", "keys.quitt: there is no such action; did you mean 'quit'?"),
        ("[keys]\nquit = 'f99'", "keys.quit = 'f99': 'f99' is no key; a key is a character, or a name such as f5"),
        ("[keys]\nfreeze = 'q'", "keys.freeze = 'q': 'q' is the key of 'quit' (Back, then quit)"),
        ("[keys]\nhelp = 'f3'\npalette = 'f3'", "keys.help = 'f3': 'f3' is the key of 'palette'"),
        ("[ui]\ntheme = 'norrd'", "ui.theme = 'norrd': there is no such theme; did you mean 'nord'?"),
    ],
)
def test_what_the_console_does_not_know_is_named_with_what_it_knows(tmp_path: Path, text: str, said: str) -> None:
    wrong = refusal(tmp_path, text)
    assert wrong is not None
    assert wrong.exit_code == 78
    assert f"file {tmp_path / 'alphaplus.toml'}: {said}" in str(wrong)


def test_keys_of_screens_that_are_never_shown_together_may_be_the_same(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[keys]\nfind = 'f3'\nsearch = 'f3'\n[ui]\ntheme = 'nord'") is None


def test_keys_may_change_places(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[keys]\nzoom_in = 'minus'\nzoom_out = '+, ='") is None


def test_a_character_with_blanks_around_it_means_its_key() -> None:
    assert normal("/ , F10,Ctrl+R, +") == "slash,f10,ctrl+r,plus"


def test_every_key_of_the_table_is_one() -> None:
    assert list(wrong_keys({action.id: action.keys for action in ACTIONS if action.context == "everywhere"})) == []
    assert all(normal(action.keys) == action.keys for action in ACTIONS)
