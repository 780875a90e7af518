"""Moments as text: ISO 8601 in UTC, with as many digits as they need."""

from datetime import UTC, datetime, timedelta

from alphaplus_tui.domain.timeframe import SECOND_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def iso_time(ts: int) -> str:
    """``ts`` (UTC ns) as ISO 8601 with as many digits as it needs: seconds, ms, µs or ns."""
    seconds, rest = divmod(ts, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for digits, unit in ((0, SECOND_NS), (3, 1_000_000), (6, 1_000), (9, 1)):
        if rest % unit == 0:
            return f"{text}.{rest // unit:0{digits}d}Z" if digits else f"{text}Z"
    raise AssertionError("every whole number is a multiple of 1")


def iso_second(ts: int) -> str:
    """``ts`` (UTC ns) as ISO 8601 in whole seconds, for the eye."""
    return iso_time(ts // SECOND_NS * SECOND_NS)


def nanoseconds(moment: datetime) -> int:
    """UTC ns of a moment; without a zone it is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND * 1_000
