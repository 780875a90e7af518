"""Takes secrets and control characters out of whatever is about to be logged."""

import re
from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import unquote

from alphaplus_tui.domain.text import clean
from alphaplus_tui.logs.record import Json

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|^pwd$|secret|token|api_?key|authorization|cookie|credential|private_?key|signature",
    re.IGNORECASE,
)
_IN_TEXT = (
    (re.compile(r"(\w[\w+.-]*://[^\s/@:]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"\b([\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|signature)[\"']?\s*[=:]\s*)[\"']?[^\s\"'&,;)}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
_LONGEST_TEXT = 2_000
_LONGEST_EXCEPTION = 16_000
_MOST_ITEMS = 50
_DEEPEST = 4


class Redactor:
    """Makes values of any kind harmless: JSON-able, bounded, without secrets or control characters.

    secrets: values that must never appear, whatever they stand in.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True))

    def fields(self, values: Mapping[str, object]) -> dict[str, Json]:
        return self._mapping(values, _DEEPEST)

    def text(self, text: str, *, limit: int = _LONGEST_TEXT) -> str:
        """``text`` on one line."""
        return clean(self._hide(text[: limit * 2]), limit=limit)

    def known(self, text: str) -> str:
        """``text`` of any length without the secrets that are known; nothing else of it changes."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def exception(self, text: str) -> str:
        """A traceback, its lines kept; of a long one the end, where the cause stands."""
        if len(text) > _LONGEST_EXCEPTION:
            text = "…\n" + text[-_LONGEST_EXCEPTION:]
        return "\n".join(clean(line) for line in self._hide(text).splitlines())

    def _hide(self, text: str) -> str:
        text = self.known(text)
        for pattern, replacement in _IN_TEXT:
            text = pattern.sub(replacement, text)
        return text

    def _mapping(self, values: Mapping[str, object], depth: int) -> dict[str, Json]:
        kept = list(values.items())[:_MOST_ITEMS]
        return {
            self.text(name, limit=100): HIDDEN if _SECRET_NAME.search(name) and value else self._value(value, depth)
            for name, value in ((str(name), value) for name, value in kept)
        }

    def _value(self, value: object, depth: int) -> Json:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else self.text(hex(value))
        if isinstance(value, float):
            return value if value - value == 0 else str(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth:
            return self._mapping(cast("Mapping[str, object]", value), depth - 1)
        if isinstance(value, (list, tuple, set, frozenset)) and depth:
            items = list(cast("Iterable[object]", value))[:_MOST_ITEMS]
            return [self._value(item, depth - 1) for item in items]
        return self.text(_described(cast("object", value)))


def secret_parts(url: str) -> tuple[str, ...]:
    """What of a URL that is a secret must appear nowhere: all of it, and each longer piece that is no host's name."""
    pieces = "".join(char if char.isalnum() or char in "_-.%~" else " " for char in url).split()
    telling = [piece for piece in pieces[1:] if len(piece) >= 6 and "." not in piece]
    return tuple(dict.fromkeys([url, *telling, *map(unquote, telling)]))


def _described(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - whatever a foreign __str__ raises, logging goes on
        return f"<{type(value).__name__} that cannot be written: {type(error).__name__}>"
