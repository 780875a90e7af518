"""Sets logging up from plain values: structlog, the standard library's logging and warnings end in one place."""

import logging
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO, cast

import structlog

from alphaplus_tui.logs.disk import LogFile
from alphaplus_tui.logs.record import RANK, Json, LogRecord, encode
from alphaplus_tui.logs.redaction import Redactor
from alphaplus_tui.logs.ring import LogRing
from alphaplus_tui.logs.storm import StormGuard

_PACKAGE = "alphaplus_tui."
_SERVICES = "services."
_PIPE_BUF = 4096
"""What a pipe that is ready takes without blocking."""


class Logs:
    """All logging of this process, from ``with`` to its end; only one at a time.

    file: where JSON lines go; None: nowhere (short commands).
    to_stderr: also write warnings and worse to stderr, except when that would block.
    secrets: values that must appear nowhere.
    """

    def __init__(
        self,
        *,
        level: str = "info",
        file: Path | None = None,
        max_mb: float = 20,
        to_stderr: bool = False,
        secrets: Iterable[str] = (),
        storm: StormGuard | None = None,
    ) -> None:
        self.ring = LogRing()
        self.left_out = 0
        """Lines that a storm or a full disk cost."""
        self._level = level
        self._file = LogFile(file, max_bytes=int(max_mb * 1_000_000)) if file else None
        self._stderr: TextIO | None = sys.stderr if to_stderr else None
        self._redactor = Redactor(secrets)
        self._storm = storm or StormGuard()
        self._lock = threading.RLock()
        self._stdlib = _FromStandardLibrary(self)

    def __enter__(self) -> Self:
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._from_structlog],
            wrapper_class=structlog.make_filtering_bound_logger(self._level),
            logger_factory=_Named,
            cache_logger_on_first_use=False,
        )
        root = logging.getLogger()
        self._before = root.level, list(root.handlers)
        root.handlers = [self._stdlib]
        quietest = logging.INFO if self._level == "debug" else logging.WARNING
        root.setLevel(max(quietest, logging.getLevelNamesMapping()[self._level.upper()]))
        logging.captureWarnings(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.captureWarnings(False)
        root = logging.getLogger()
        level, root.handlers = self._before
        root.setLevel(level)
        structlog.reset_defaults()
        with self._lock:
            self._tell_left_out(float("inf"))
            if self._file:
                self._file.close()

    def accept(
        self, level: str, service: str, event: str, *, values: dict[str, object], trace: str, key: str = ""
    ) -> None:
        """One line; storms are counted by service and ``key``. Never raises, whatever the values are."""
        try:
            with self._lock:
                now_s = time.monotonic()
                self._tell_left_out(now_s)
                if not self._storm.lets_pass(f"{service}: {key or event}", now_s):
                    self.left_out += 1
                    return
                self._write(
                    LogRecord(
                        ts=time.time_ns(),
                        level=level,
                        service=self._redactor.text(service, limit=100),
                        event=self._redactor.text(event),
                        fields=self._redactor.fields(values),
                        exception=self._redactor.exception(trace) if trace else "",
                    )
                )
        except Exception:  # noqa: BLE001 - a log that cannot be written must not take the program with it
            self.left_out += 1

    def _from_structlog(self, logger: object, method: str, event: structlog.typing.EventDict) -> str:
        values = dict(event)
        text = str(values.pop("event", ""))
        service = str(values.pop("service", "") or getattr(logger, "name", ""))
        stacks = str(values.pop("stacks", ""))  # of all threads: text of many lines, as a traceback is
        trace = _trace(values.pop("exc_info", None)) or stacks
        level = {"exception": "error", "fatal": "critical", "warn": "warning"}.get(method, method)
        self.accept(level, service, text, values=values, trace=trace)
        raise structlog.DropEvent

    def _tell_left_out(self, now_s: float) -> None:
        for event, lines in self._storm.over(now_s):
            self._own("log_lines_left_out", {"of": event, "lines": lines})

    def _own(self, event: str, fields: dict[str, Json]) -> None:
        self._write(LogRecord(time.time_ns(), "warning", "logs", event, fields))

    def _write(self, record: LogRecord) -> None:
        self.ring.append(record)
        if self._file:
            lost = self._file.dropped
            if self._file.write(encode(record)):
                if lost:
                    self._file.dropped = 0
                    self._own("log_lines_lost", {"lines": lost, "file": str(self._file.file)})
            else:
                self.left_out += 1
        if self._stderr and RANK.get(record.level, 2) >= RANK["warning"]:
            _write_unless_blocking(self._stderr, record)


class _Named:
    """What structlog hands to us: it only knows who speaks."""

    def __init__(self, name: str = "") -> None:
        # a service is known by its name, whatever room its file is in
        self.name = name.removeprefix(_PACKAGE).removeprefix(_SERVICES)

    def msg(self, *_args: object, **_values: object) -> None:
        """Nothing: the processor has written the line."""

    debug = info = warning = error = critical = exception = fatal = warn = log = msg


class _FromStandardLibrary(logging.Handler):
    """Takes what other libraries log, and Python's warnings."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit their message are still worth a line
            text = str(record.msg)
        self._logs.accept(
            level if level in RANK else "info",
            record.name,
            text,
            values={},
            trace=_trace(record.exc_info),
            key=str(record.msg)[:200],
        )


def _trace(info: object) -> str:
    """The traceback of ``exc_info`` in any of its forms, without the values of variables."""
    if info is True:
        info = sys.exc_info()
    if isinstance(info, tuple):
        info = cast("tuple[object, ...]", info)[1]
    if not isinstance(info, BaseException):
        return ""
    return "".join(traceback.format_exception(info, limit=-30))


def _write_unless_blocking(stream: TextIO, record: LogRecord) -> None:
    fields = " ".join(f"{name}={text}" for name, text in record.texts)
    cause = record.exception.rpartition("\n")[2]
    words = (f"{record.level.upper()} {record.service}: {record.event}", fields, cause)
    line = "  ".join(word for word in words if word).encode(errors="replace")[: _PIPE_BUF - 1] + b"\n"
    try:
        descriptor = stream.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if any(events & select.POLLOUT for _, events in poll.poll(0)):
            os.write(descriptor, line)
    except (OSError, ValueError):
        return
