"""Checks the settings that only the console can judge: keys by its table of actions, the theme by its themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from alphaplus_tui.settings.root import Loaded

_OURS = frozenset({"alphaplus", "alphaplus-light"})


def check_console_settings(loaded: Loaded) -> None:
    """``ConfigError`` with a line for each; Textual is loaded only where something was changed."""
    problems = [*_keys(loaded), *_theme(loaded)]
    if problems:
        raise ConfigError("\n".join(problems))


def _keys(loaded: Loaded) -> Iterator[str]:
    keymap = loaded.settings.keys
    if not keymap:
        return
    from alphaplus_tui.tui.keymap import wrong_keys  # noqa: PLC0415  brings Textual

    for wrong in wrong_keys(keymap):
        key = f"keys.{wrong.action}"
        value = f" = {clean(repr(keymap[wrong.action]), limit=80)}" if wrong.known else ""
        yield f"{loaded.origin(key)}: {key}{value}: {wrong.reason}"


def _theme(loaded: Loaded) -> Iterator[str]:
    theme = loaded.settings.ui.theme
    if theme in _OURS:
        return
    from alphaplus_tui.tui.theme import theme_names  # noqa: PLC0415  brings Textual

    names = theme_names()
    if theme not in names:
        told = clean(repr(theme), limit=80)
        yield f"{loaded.origin('ui.theme')}: ui.theme = {told}: there is no such theme; {suggestion(theme, names)}"
