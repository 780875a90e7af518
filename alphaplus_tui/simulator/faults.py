"""What can go wrong on purpose: rows of data, read from a file or a request, and when each is on."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

Group = Literal["connection", "frame", "request", "subscription"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A row of the catalogue of faults."""

    name: str
    group: Group
    meaning: str
    streams: tuple[str, ...] = ()
    """The kinds of stream it touches when the fault does not say; empty for all."""


_TRADES = ("trade", "aggTrade")
KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("cut", "connection", "break connections at start_s, then every period_s"),
        FaultKind("close", "connection", "close connections politely at start_s, then every period_s"),
        FaultKind("half-open", "connection", "from then on the connections neither send, read nor close"),
        FaultKind("mute", "frame", "send nothing on the streams; the connections stay and answer pings"),
        FaultKind("skip", "frame", "leave frames out", _TRADES),
        FaultKind("duplicate", "frame", "send frames twice", _TRADES),
        FaultKind("reorder", "frame", "send a frame after the stream's next one", _TRADES),
        FaultKind("delay", "frame", "send frames delay_ms later"),
        FaultKind("alter", "frame", "send frames with another quantity than the one that was traded", _TRADES),
        FaultKind("garble", "frame", "send frames as broken JSON"),
        FaultKind("oversize", "frame", "send frames of size_bytes"),
        FaultKind("refuse", "subscription", "answer SUBSCRIBE with an error"),
        FaultKind("429", "request", "answer REST requests with 429 and Retry-After"),
        FaultKind("418", "request", "answer REST requests as if the address was banned"),
        FaultKind("503", "request", "answer REST requests with a maintenance page in HTML"),
    )
}


class FaultError(ValueError):
    """A fault that makes no sense; the text names what is allowed."""


class Fault(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One row of a fault script. Times count from when the script was loaded."""

    kind: str
    start_s: float = 0.0
    duration_s: float | None = None
    """How long it is on; for ever when left out."""
    period_s: float | None = None
    """On again every so often; ``cut``, ``close`` and ``half-open`` strike once a period while they are on."""
    probability: float = 1.0
    """Chance for each frame, request or connection."""
    symbols: tuple[str, ...] = ()
    """Only streams of these; all when empty."""
    streams: tuple[str, ...] = ()
    """Only these kinds of stream, as written after the @."""
    delay_ms: float = 500.0
    size_bytes: int = 4 * 1024 * 1024
    retry_after_s: int = 10

    def group(self) -> Group:
        return KINDS[self.kind].group

    def on(self, since_s: float) -> bool:
        """Whether it is active ``since_s`` after the script was loaded."""
        passed = since_s - self.start_s
        if passed < 0:
            return False
        if self.group() == "connection" or self.duration_s is None:
            return self.duration_s is None or passed < self.duration_s
        return (passed % self.period_s if self.period_s else passed) < self.duration_s

    def strikes(self, since_s: float) -> int:
        """How often a fault of connections has struck by then."""
        passed = since_s - self.start_s
        if self.duration_s is not None:
            passed = min(passed, self.duration_s)
        return 0 if passed < 0 else 1 + int(passed // self.period_s) if self.period_s else 1

    def touches(self, stream: str) -> bool:
        """Whether it concerns a stream such as ``btcusdt@depth@100ms``."""
        symbol, _, kind = stream.partition("@")
        kinds = self.streams or KINDS[self.kind].streams
        return (not self.symbols or symbol.upper() in self.symbols) and (not kinds or kind in kinds)


class _Script(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault] = []


def read_faults(path: Path) -> list[Fault]:
    """The ``[[faults]]`` of a TOML file, or {"faults": […]} of a ``.json`` file; raises FaultError, OSError."""
    if path.suffix == ".json":
        return parse_faults(path.read_bytes())
    try:
        return _checked(msgspec.convert(tomllib.loads(path.read_text()), _Script))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FaultError(f"{path}: {error}") from error
    except FaultError as error:
        raise FaultError(f"{path}: {error}") from error


def parse_faults(text: bytes) -> list[Fault]:
    """The faults of a JSON document; raises FaultError."""
    try:
        return _checked(msgspec.json.decode(text, type=_Script))
    except msgspec.MsgspecError as error:
        raise FaultError(f"{error}; expected an object with a list of faults under 'faults'") from error


def _checked(script: _Script) -> list[Fault]:
    for fault in script.faults:
        if fault.kind not in KINDS:
            raise FaultError(f"unknown kind of fault {fault.kind!r}; allowed are {', '.join(KINDS)}")
        if not 0 <= fault.probability <= 1:
            raise FaultError(f"{fault.kind}: probability must be from 0 to 1, not {fault.probability}")
        if fault.start_s < 0 or (fault.duration_s is not None and fault.duration_s <= 0):
            raise FaultError(f"{fault.kind}: start_s must not be negative and duration_s must be positive")
        if fault.period_s is not None and fault.period_s <= 0:
            raise FaultError(f"{fault.kind}: period_s must be positive, not {fault.period_s}")
        if fault.period_s is not None and fault.duration_s is None and fault.group() != "connection":
            raise FaultError(f"{fault.kind}: period_s wants duration_s, how long it is on each time")
        if not 0 < fault.size_bytes <= 128 * 1024 * 1024:
            raise FaultError(f"{fault.kind}: size_bytes must be from 1 to 134217728, not {fault.size_bytes}")
    return script.faults
