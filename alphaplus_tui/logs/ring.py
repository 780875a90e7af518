"""The last lines of the log in memory, for a screen or a report when the file is out of reach."""

from collections import deque
from itertools import islice
from threading import Lock

from alphaplus_tui.logs.record import LogRecord


class LogRing:
    """The newest records, at most ``size``; safe for several threads."""

    def __init__(self, size: int = 2_000) -> None:
        self._records: deque[LogRecord] = deque(maxlen=size)
        self._lock = Lock()
        self.count = 0
        """Records so far, those that were forgotten included; a screen looks at it to know whether to draw."""

    def append(self, record: LogRecord) -> None:
        with self._lock:
            self._records.append(record)
            self.count += 1

    def after(self, number: int) -> tuple[LogRecord, ...]:
        """The records after the first ``number`` ones, as far as they are kept, oldest first."""
        with self._lock:
            wanted = min(max(self.count - number, 0), len(self._records))
            return tuple(islice(self._records, len(self._records) - wanted, None))
