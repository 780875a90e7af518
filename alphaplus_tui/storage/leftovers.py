"""Clears away what a killed AlphaPlus left behind: an orphan server, a pid file that names somebody else."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import psutil

from alphaplus_tui.errors import FatalError

_NOBODY = 2**31 - 1
"""A process id that no system gives out."""
_ROUNDS = ((signal.SIGINT, 2.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 1.0))


def pid_file(data_dir: Path) -> Path:
    return data_dir / "postmaster.pid"


def read_pid_file(data_dir: Path) -> list[str]:
    """The lines of the server's own note; empty where there is none."""
    try:
        return pid_file(data_dir).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def server_of(data_dir: Path) -> psutil.Process | None:
    """The main process of the server that works in ``data_dir``, whoever started it."""
    lines = read_pid_file(data_dir)
    if not lines or not lines[0].strip().isdigit():
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(int(lines[0]))
        if _works_in(process, data_dir):
            return process
    return None


async def clear(data_dir: Path) -> bool:
    """Take down every server process that still works in ``data_dir``; true when there was one.

    At most 4 s. The caller holds the lock of the data folder, so that whoever is still there is nobody's.
    """
    if not pid_file(data_dir).exists():
        return False
    found = await asyncio.to_thread(_workers_in, data_dir)
    if found:
        await _take_down(data_dir, found)
    _disown(data_dir)
    return bool(found)


def clear_socket(folder: Path, port: int) -> None:
    """Remove the socket of a server that is no more; its lock would be believed when the pid is in use again."""
    for name in (f".s.PGSQL.{port}", f".s.PGSQL.{port}.lock"):
        (folder / name).unlink(missing_ok=True)


async def _take_down(data_dir: Path, found: list[psutil.Process]) -> None:
    """The main process ends its own; those it no longer can end are ended one by one."""
    for sign, within_s in _ROUNDS:
        main = server_of(data_dir)
        for process in [main] if main and sign != signal.SIGKILL else found:
            with contextlib.suppress(psutil.Error):
                process.send_signal(sign)
                process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + within_s
        while any(_works_in(process, data_dir) for process in found):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        else:
            return
    left = ", ".join(str(process.pid) for process in found if _works_in(process, data_dir))
    raise FatalError(f"{data_dir}: another PostgreSQL (process {left}) works there and cannot be stopped; stop it")


def _workers_in(data_dir: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _works_in(process, data_dir)]


def _works_in(process: psutil.Process, data_dir: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()).samefile(data_dir)
    except (psutil.Error, OSError):
        return False


def _disown(data_dir: Path) -> None:
    """Let the pid file name nobody, for its pid may be in use again.

    It is not removed: its other lines let PostgreSQL see whether shared memory of the old server is still in use.
    """
    lines = read_pid_file(data_dir)
    if len(lines) < 2:
        pid_file(data_dir).unlink(missing_ok=True)  # the server was killed while writing it
        return
    temporary = data_dir.parent / f"{data_dir.name}.pid"
    temporary.write_text("\n".join([str(_NOBODY), *lines[1:]]) + "\n", encoding="utf-8")
    owner = pid_file(data_dir).stat()
    temporary.chmod(0o600)
    if os.getuid() == 0:
        os.chown(temporary, owner.st_uid, owner.st_gid)
    temporary.replace(pid_file(data_dir))
