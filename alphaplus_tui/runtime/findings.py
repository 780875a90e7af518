"""What a check-up says: one line each, with the way out where something is wrong."""

from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    level: Level
    text: str
    fix: str = ""
    """What to do; empty when there is nothing to do."""


def ok(check: str, text: str) -> Finding:
    return Finding(check, "ok", text)


def warn(check: str, text: str, fix: str) -> Finding:
    return Finding(check, "warn", text, fix)


def fail(check: str, text: str, fix: str) -> Finding:
    return Finding(check, "fail", text, fix)
