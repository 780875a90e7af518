"""Every error that AlphaPlus raises on purpose; the class says whether to try again.

AlphaPlusError                     exit code, title
├── UsageError                     2   the command was used wrongly
│   └── AmbiguousName                  a name that means several things, with those it may mean
├── ConfigError                    78  a setting is wrong: file, key, value, what is allowed
├── AlreadyRunning                 75  another AlphaPlus holds the data folder
├── FatalError                     1   trying again cannot help
│   ├── SchemaTooNew                   the database was written by a newer AlphaPlus
│   ├── ProtocolError                  the venue refuses what we ask, or speaks otherwise
│   └── UnknownName                2   a name that is not known, with the nearest that is
└── TransientError                     trying again may help
    ├── Disconnected                   a connection broke or fell silent
    ├── RateLimited                    the venue asks us to wait (``retry_after_s``, ``banned``)
    ├── VenueUnavailable               maintenance, 5xx, something that is not the protocol
    ├── StoreUnavailable               the database does not answer
    ├── CircuitOpen                    too many failures; not even tried (``retry_in_s``)
    └── DeadlineExceeded               no answer in time
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_ALREADY_RUNNING = 75
EXIT_CONFIG = 78
_MOST_LISTED = 120
"""Names in a complaint; an exchange may have thousands of symbols."""


class AlphaPlusError(Exception):
    """The root; its text says what was expected, what was there, and what to do."""

    exit_code = EXIT_FAILURE
    title = "AlphaPlus failed"


class UsageError(AlphaPlusError):
    exit_code = EXIT_USAGE
    title = "Wrong usage"


class AmbiguousName(UsageError):
    """A name that fits several known ones."""

    title = "Ambiguous name"

    def __init__(self, kind: str, name: str, meant: Iterable[str]) -> None:
        self.kind, self.name, self.meant = kind, name, tuple(sorted(meant))
        *others, last = self.meant
        super().__init__(f"{kind} {name!r} is known of several exchanges: say {', '.join(others)} or {last}")


class ConfigError(AlphaPlusError):
    """One or several wrong settings, a line each."""

    exit_code = EXIT_CONFIG
    title = "Wrong configuration"


class AlreadyRunning(AlphaPlusError):
    exit_code = EXIT_ALREADY_RUNNING
    title = "Already running"


class FatalError(AlphaPlusError):
    """Trying again cannot help: a service that raises it is FAILED."""


class SchemaTooNew(FatalError):
    title = "Database too new"


class ProtocolError(FatalError):
    title = "The exchange speaks otherwise"


class UnknownName(FatalError):
    """A name that is not in a list of known ones; what is known is told in its own order where it has one."""

    exit_code = EXIT_USAGE
    title = "Unknown name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(_in_order(known))
        super().__init__(f"unknown {kind} {name!r}; {suggestion(name, self.known)}")


class TransientError(AlphaPlusError):
    """Trying again may help."""


class Disconnected(TransientError):
    title = "Connection lost"


class RateLimited(TransientError):
    """The venue asks us to wait ``retry_after_s``; ``banned`` when it refuses us altogether until then."""

    title = "Rate limited"

    def __init__(self, message: str, *, retry_after_s: float, banned: bool = False) -> None:
        self.retry_after_s, self.banned = retry_after_s, banned
        super().__init__(message)


class VenueUnavailable(TransientError):
    title = "Exchange unavailable"


class StoreUnavailable(TransientError):
    title = "Database unavailable"


class CircuitOpen(TransientError):
    """Too many failures: not even tried for another ``retry_in_s``."""

    title = "Circuit open"

    def __init__(self, name: str, *, retry_in_s: float) -> None:
        self.name, self.retry_in_s = name, retry_in_s
        super().__init__(f"{name}: too many failures, next try in {retry_in_s:.1f} s")


class DeadlineExceeded(TransientError):
    title = "No answer in time"


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean 'binance'?``, or the list of what is allowed. Case does not matter in what is near."""
    names = _in_order(known)
    folded = {other.casefold(): other for other in sorted(names, reverse=True)}
    close = get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    shown = names if len(names) <= _MOST_LISTED else [*names[:_MOST_LISTED], f"and {len(names) - _MOST_LISTED} others"]
    return f"known: {', '.join(shown) or 'none'}"


def _in_order(known: Iterable[str]) -> Sequence[str]:
    return known if isinstance(known, Sequence) else sorted(set(known))
