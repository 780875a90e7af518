"""Reads the moments that venues write as text."""

from datetime import date
from functools import lru_cache

_EPOCH = date(1970, 1, 1).toordinal()
_LENGTH = len("2026-08-09T21:05:48")


def rfc3339_ns(text: str) -> int:
    """UTC ns of ``2026-08-09T21:05:48.228568804Z``: UTC only, up to nine digits of a second, further ones cut off.

    Raises ValueError.
    """
    if text[10:11] not in {"T", " "} or text[13:14] != ":" or text[16:17] != ":" or not text.endswith("Z"):
        raise ValueError(f"no moment: {text[:40]!r}")
    hour, minute, second, fraction = int(text[11:13]), int(text[14:16]), int(text[17:19]), text[_LENGTH:-1]
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        raise ValueError(f"no moment: {text[:40]!r}")
    nanoseconds = 0
    if fraction:
        digits = fraction[1:10]
        if fraction[0] != "." or not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"no moment: {text[:40]!r}")
        nanoseconds = int(digits) * 10 ** (9 - len(digits))
    return (_days(text[:10]) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000_000 + nanoseconds


def decimal_seconds_ns(text: str, *, digits: int = 9) -> int:
    """UTC ns of ``1688669597.8277369``, read as text so that no binary fraction comes in between.

    digits: of the second that are believed; the rest is cut off. Raises ValueError.
    """
    seconds, _, fraction = text.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12 and (fraction + "0").isdigit()):
        raise ValueError(f"no moment: {text[:40]!r}")
    believed = fraction[:digits].ljust(9, "0")
    return int(seconds) * 1_000_000_000 + int(believed)


@lru_cache(maxsize=64)
def _days(day: str) -> int:
    return date.fromisoformat(day).toordinal() - _EPOCH
