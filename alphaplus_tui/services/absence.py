"""Whether the database answers, when it is asked again, and what is said of it."""

import structlog

from alphaplus_tui.errors import TransientError
from alphaplus_tui.kernel.service import Life

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_RETRY_EVERY_S = 0.5


class Absence:
    """Edges are logged; a database that is just starting is none. Moments are monotonic seconds."""

    def __init__(self, *, patient_until: float) -> None:
        """patient_until: before that nothing is said of an absence."""
        self.reason = ""
        """Why the last attempt failed; empty when it did not."""
        self._told = False
        self._patient_until = patient_until
        self._retry_at = 0.0

    def begin(self, *, patient_until: float) -> None:
        """The service starts, perhaps anew."""
        self._patient_until = patient_until

    def may_try(self, now: float) -> bool:
        return now >= self._retry_at

    def failed(self, error: TransientError, now: float) -> None:
        """Asked in vain: the next attempt waits a little."""
        self.reason = str(error) or type(error).__name__
        self._retry_at = now + _RETRY_EVERY_S

    def answered(self) -> None:
        self.reason = ""

    def try_at_once(self) -> None:
        """The connection is back."""
        self._retry_at = 0.0

    def say(self, life: Life, now: float) -> None:
        """Tell the service's health, and the log when it changed."""
        if not self.reason:
            if self._told:
                log.info("database_back")
            self._told, self._patient_until = False, now
            life.healthy()
        elif now >= self._patient_until:
            if not self._told:
                log.warning("database_away", error=self.reason)
            self._told = True
            life.degraded(f"waiting for the database: {self.reason}")
