"""Keeps one engine per data folder, and tells everybody else where it can be reached."""

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from alphaplus_tui.domain.instants import iso_second
from alphaplus_tui.errors import AlreadyRunning, ConfigError

ENGINE = "engine"
"""What a console or a headless run calls itself; anything else is the name of a short command."""

_POLL_S = 0.05
_WRITING_S = 1.0
"""How long the holder may take between locking and saying who it is."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who holds the data folder, and where to reach it; the text of ``engine.json``."""

    pid: int
    what: str
    """``engine``, or the short command that holds the folder."""
    since: str
    """ISO 8601, UTC."""
    control_socket: str | None = None
    database_socket: str | None = None
    api: str | None = None

    @property
    def is_command(self) -> bool:
        return self.what != ENGINE

    def __str__(self) -> str:
        name = f"`alphaplus {self.what}`" if self.is_command else "another AlphaPlus"
        return f"{name} (pid {self.pid}, since {self.since})"


class EngineLock:
    """The data folder is ours until ``release``; also an ordinary context manager."""

    def __init__(self, descriptor: int, file: Path, info: EngineInfo) -> None:
        self._descriptor: int | None = descriptor
        self._file = file
        self.info = info

    def publish(
        self, *, control_socket: Path | None = None, database_socket: str | None = None, api: str | None = None
    ) -> None:
        """Adds where we can be reached; None leaves what was said before."""
        said = self.info
        self.info = replace(
            said,
            control_socket=str(control_socket) if control_socket else said.control_socket,
            database_socket=database_socket or said.database_socket,
            api=api or said.api,
        )
        _write(self._file, self.info)

    def release(self) -> None:
        """Gives the folder back; may be called twice."""
        if self._descriptor is None:
            return
        self._file.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(
    data: Path,
    what: str = ENGINE,
    *,
    wait_for_command_s: float = 0.0,
    on_wait: Callable[[EngineInfo], None] | None = None,
) -> EngineLock:
    """Takes the data folder; ``AlreadyRunning`` names who has it, within 2 s unless a short command is waited for.

    wait_for_command_s: how long to wait when the holder is a short command; ``on_wait`` is told once which.
    """
    descriptor = _open(data / "engine.lock")
    try:
        _lock(descriptor, data, wait_for_command_s, on_wait)
        info = EngineInfo(os.getpid(), what, iso_second(time.time_ns()))
        _write(data / "engine.json", info)
    except BaseException:
        os.close(descriptor)
        raise
    return EngineLock(descriptor, data / "engine.json", info)


def _lock(descriptor: int, data: Path, wait_for_command_s: float, on_wait: Callable[[EngineInfo], None] | None) -> None:
    started = time.monotonic()
    while not _try_lock(descriptor):
        info = _read(data / "engine.json")
        bound_s = _WRITING_S if info is None else wait_for_command_s if info.is_command else 0.0
        if time.monotonic() - started >= bound_s:
            holder = str(info) if info else "another AlphaPlus"
            raise AlreadyRunning(f"{holder} uses {data}; stop it, or choose another folder with --data-dir")
        if info is not None and on_wait:
            on_wait(info)
            on_wait = None
        time.sleep(_POLL_S)


def running(data: Path) -> EngineInfo | None:
    """Who holds ``data`` now; None when nobody does. What a dead engine left behind counts for nothing."""
    try:
        descriptor = os.open(data / "engine.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            deadline = time.monotonic() + _WRITING_S
            while (info := _read(data / "engine.json")) is None and time.monotonic() < deadline:
                time.sleep(_POLL_S)
            return info
        return None
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be written ({error.strerror}); name another folder with --data-dir"
        ) from None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: Path) -> EngineInfo | None:
    """What the file says; None when it says nothing, or was left behind by one who is dead."""
    try:
        said = cast("dict[str, object]", json.loads(file.read_text()))
        known = {field.name for field in fields(EngineInfo)}
        info = EngineInfo(**{key: value for key, value in said.items() if key in known})  # pyright: ignore[reportArgumentType]  # our own file, 0600
        os.kill(info.pid, 0)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return info


def _write(file: Path, info: EngineInfo) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(asdict(info), stream)
    draft.replace(file)
