"""Reads moments as files write them: numbers of any unit, dates with and without an offset."""

import re
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

_FORMATS = ("%Y-%m-%d %I-%p", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_UNITS = ((10**17, 1, "ns"), (10**14, 10**3, "µs"), (10**11, 10**6, "ms"), (0, 10**9, "s"))
"""A number as large as the first means so many nanoseconds a unit."""
_ZONE = re.compile(r"(?:Z|UTC|[+-]\d\d:?\d\d)$")
_DAY_DIGITS = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> int:
    """UTC ns of a number (s, ms, µs or ns) or a date; without an offset it is UTC. ``ValueError``."""
    text = text.strip()
    if _is_number(text):
        whole, _, fraction = text.partition(".")
        number = int(whole or "0")
        unit = _unit(number)[1]
        return number * unit + (round(float(f"0.{fraction}") * unit) if fraction else 0)
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        moment = _by_format(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elapsed = moment - _EPOCH
    return ((elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds) * 1_000


def time_unit(text: str) -> str:
    """``s``, ``ms``, ``µs``, ``ns``, or ``dates``."""
    text = text.strip()
    return _unit(int(text.partition(".")[0] or "0"))[2] if _is_number(text) else "dates"


def zone_of(text: str) -> str:
    """What a date says of its zone; UTC where it says nothing."""
    found = _ZONE.search(text.strip()) if time_unit(text) == "dates" else None
    return "UTC" if found is None or found[0] in ("Z", "UTC") or len(text.strip()) <= 10 else found[0]


def ns_of(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
    """Numbers of one unit as UTC ns, and the unit."""
    _, factor, unit = _unit(int(np.max(np.abs(numbers), initial=0)))
    return numbers * factor, unit


def _unit(number: int) -> tuple[int, int, str]:
    return next(unit for unit in _UNITS if number >= unit[0])


def _is_number(text: str) -> bool:
    """Eight digits are a day, such as 20240131."""
    return text.replace(".", "", 1).isdigit() and len(text) != _DAY_DIGITS


def _by_format(text: str) -> datetime:
    for layout in _FORMATS:
        try:
            return datetime.strptime(text, layout).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time")
