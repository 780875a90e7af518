"""One line of the log, as it is kept on disk and in memory."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


class LogRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the log; already free of secrets and control characters."""

    ts: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    """UTC ns."""
    level: str
    service: str
    """The service, or the module, that said it."""
    event: str
    fields: dict[str, Any] = {}
    """``Json`` values."""
    exception: str = ""
    """A traceback without the values of variables."""
    time: str = ""
    """``ts`` for people who read the file."""

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The fields as text, as a screen shows them."""
        return tuple((name, as_text(value)) for name, value in self.fields.items())


_DECODER = msgspec.json.Decoder(LogRecord)
_ENCODER = msgspec.json.Encoder()


def encode(record: LogRecord) -> bytes:
    """One line, with its end."""
    time = datetime.fromtimestamp(record.ts / 1e9, UTC).isoformat(timespec="milliseconds")
    return _ENCODER.encode(msgspec.structs.replace(record, time=time)) + b"\n"


def decode(line: bytes) -> LogRecord | None:
    """The record in a line; None when the line is torn or none of ours."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def as_text(value: Json) -> str:
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()
