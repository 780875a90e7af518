"""The spans of time that candles cover."""

from typing import NewType

from alphaplus_tui.errors import UnknownName

Timeframe = NewType("Timeframe", str)
"""One of ``TIMEFRAMES``, such as ``1m``."""

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

_NS: dict[str, int] = {
    "1s": SECOND_NS,
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": HOUR_NS,
    "2h": 2 * HOUR_NS,
    "4h": 4 * HOUR_NS,
    "6h": 6 * HOUR_NS,
    "8h": 8 * HOUR_NS,
    "12h": 12 * HOUR_NS,
    "1d": DAY_NS,
    "3d": 3 * DAY_NS,
    "1w": 7 * DAY_NS,
}
_WEEK_SHIFT_NS = 4 * DAY_NS  # 1970-01-01 was a Thursday; weeks open on Monday

TIMEFRAMES: tuple[str, ...] = tuple(_NS)


def parse_timeframe(text: str) -> Timeframe:
    """The timeframe that ``text`` names; ``UnknownName`` with the nearest one when there is none."""
    if text not in _NS:
        raise UnknownName("timeframe", text, TIMEFRAMES)
    return Timeframe(text)


def duration_ns(timeframe: Timeframe) -> int:
    """The length of one candle in nanoseconds."""
    return _NS[timeframe]


def open_time(ts: int, timeframe: Timeframe) -> int:
    """The opening time of the candle that holds the moment ``ts`` (UTC ns)."""
    length = _NS[timeframe]
    if timeframe == "1w":
        return ts - (ts - _WEEK_SHIFT_NS) % length
    return ts - ts % length
