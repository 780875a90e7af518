"""Holds the user's keys against the table of actions: what they mean to Textual, and what is wrong with them."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from alphaplus_tui.errors import suggestion
from alphaplus_tui.tui.actions import ACTIONS, EVERYWHERE, LIST, Action

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_NAMED = frozenset(key.value for key in Keys) | frozenset(KEY_NAME_REPLACEMENTS.values())


class Wrong(NamedTuple):
    """Something wrong with one entry of ``[keys]``."""

    action: str
    reason: str
    known: bool
    """Whether there is such an action, so that it is its value that is wrong."""


def normal(keys: str) -> str:
    """Keys as Textual knows them: ``/, F10`` becomes ``slash,f10``."""
    return ",".join(_normal(key.strip()) for key in keys.split(","))


def wrong_keys(keymap: Mapping[str, str]) -> Iterator[Wrong]:
    """Ids of no action, keys that do not exist, and keys that two actions of one screen would share."""
    by_id = {action.id: action for action in ACTIONS}
    for name, keys in keymap.items():
        action = by_id.get(name)
        if action is None:
            yield Wrong(name, f"there is no such action; {suggestion(name, by_id)}", known=False)
            continue
        for key in keys.split(","):
            if not _exists(_normal(key.strip())):
                hint = "a key is a character, or a name such as f5, home or ctrl+r"
                yield Wrong(name, f"{key.strip()!r} is no key; {hint}", known=True)
        yield from _shared(action, normal(keys), keymap)


def _shared(action: Action, keys: str, keymap: Mapping[str, str]) -> Iterator[Wrong]:
    for other in ACTIONS:
        if other.id == action.id or not _meet(action.context, other.context):
            continue
        if other.id in keymap and other.id < action.id:
            continue  # said once
        theirs = normal(keymap.get(other.id, other.keys))
        for key in sorted(set(keys.split(",")) & set(theirs.split(","))):
            if key in action.keys.split(",") and other.id not in keymap:
                continue  # the table itself lets the narrower context win
            yield Wrong(action.id, f"{key!r} is the key of {other.id!r} ({other.description})", known=True)


def _meet(one: str, other: str) -> bool:
    """Whether two contexts are ever active together."""
    return one == other or EVERYWHERE in (one, other) or LIST in (one, other)


def _normal(key: str) -> str:
    *modifiers, last = key.split("+") if len(key) > 1 and not key.endswith("++") else (key,)
    if len(last) == 1 and not last.isalnum():
        try:
            last = unicodedata.name(last).lower().replace("-", "_").replace(" ", "_")
        except ValueError:
            return key
        last = KEY_NAME_REPLACEMENTS.get(last, last)
    elif len(last) > 1 or modifiers:
        last = last.lower()
    return "+".join((*(modifier.lower() for modifier in modifiers), last))


def _exists(key: str) -> bool:
    *modifiers, last = key.split("+")
    if not set(modifiers) <= _MODIFIERS:
        return False
    if len(last) == 1 or last in _NAMED or key in _NAMED:
        return True
    try:
        return unicodedata.lookup(last.replace("_", " ").upper()) != ""
    except KeyError:
        return False
