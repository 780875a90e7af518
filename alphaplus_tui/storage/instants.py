"""Times between our nanoseconds since 1970 and PostgreSQL's microseconds since 2000."""

_EPOCH_US = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970."""


def to_postgres(ts_ns: int) -> int:
    """The microsecond that holds ``ts_ns``."""
    return ts_ns // 1000 - _EPOCH_US


def from_postgres(us: int) -> int:
    return (us + _EPOCH_US) * 1000
