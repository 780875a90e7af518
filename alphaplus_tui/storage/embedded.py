"""Runs a PostgreSQL of our own as a direct child: on a Unix socket, for nobody but us."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaplus_tui.errors import FatalError, StoreUnavailable
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.storage.ballast import Ballast
from alphaplus_tui.storage.launch import Launch, binaries, launch
from alphaplus_tui.storage.leftovers import clear, clear_socket, read_pid_file, server_of

NAME = "alphaplus"
"""The database and its only user."""
_PORT = 5432
_LOG_LIMIT = 4 * 1024 * 1024
_POLL_S = 0.01
_INITDB_WITHIN_S = 60.0
_READY_WITHIN_S = 60.0
"""After a crash the server first goes through its log."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the embedded server listens."""

    socket_dir: Path
    port: int
    user: str = NAME
    database: str = NAME


def join_address(data_dir: Path) -> ServerAddress | None:
    """The address of the server that already works in ``data_dir``; None when there is none that is ready."""
    lines = read_pid_file(data_dir)
    if len(lines) < 8 or lines[7].strip() != "ready" or server_of(data_dir) is None:
        return None
    return ServerAddress(Path(lines[4]), int(lines[3]))


class EmbeddedServer:
    """The server of one data folder, whose lock the caller holds.

    ``start`` and ``stop`` raise ``FatalError`` where trying again cannot help, else ``StoreUnavailable``.
    Call ``start`` from the main thread: the signal that ends the server with us belongs to the starting thread.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        runtime_dir: Path,
        clock: Clock,
        shared_buffers_mb: int = 64,
        launch_as: Launch | None = None,
    ) -> None:
        self._data, self._runtime, self._clock = data_dir.absolute(), runtime_dir.absolute(), clock
        self._shared_buffers_mb, self._launch = shared_buffers_mb, launch_as
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[ServerAddress] | None = None
        self._ballast = Ballast(self._data.with_name("ballast"))

    @property
    def log_file(self) -> Path:
        return self._data.parent / "logs" / "postgres.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def tend(self) -> None:
        """Now and then: keep the server's log within bounds, and a little disk back for when it is full."""
        self._bound_log()
        self._ballast.trim()

    def poll(self) -> bool:
        """Whether the server has started and its process lives."""
        starts = self._starting is not None and not self._starting.done()
        return not starts and self._process is not None and self._process.poll() is None

    async def start(self) -> ServerAddress:
        """Make the cluster where there is none, clear up after a crash, start, and wait until it answers.

        All who call it while it starts wait for the one start, which only ``stop`` breaks off.
        """
        if self.poll():
            return ServerAddress(self._runtime, _PORT)
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name="start PostgreSQL")
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """SIGINT and 2 s, SIGQUIT and 1 s, SIGKILL; nothing committed is lost by any of them."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._end()

    async def _start(self) -> ServerAddress:
        way = self._launch = self._launch or launch()
        self._make_folders()
        self.tend()
        await clear(self._data)
        clear_socket(self._runtime, _PORT)
        if not (self._data / "PG_VERSION").exists():
            await self._create(way)
        self._check_version()
        self._hand_over(self._data, way)
        self._write_access(self._data, way)
        self._process = self._spawn(way, [binaries() / "postgres", "-D", self._data, *self._options()], "INT")
        try:
            await self._until_ready(self._process)
        except BaseException:
            await self._end()
            raise
        return ServerAddress(self._runtime, _PORT)

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        for sign, within_s in ((signal.SIGINT, 2.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 2.0)):
            if process.poll() is None:
                process.send_signal(sign)
                process.send_signal(signal.SIGCONT)
                await self._ended(process, within_s)
        self._process = None

    async def _create(self, way: Launch) -> None:
        """initdb in a folder beside, renamed when it is whole: half of a cluster is never taken for one."""
        if self._data.exists() and any(self._data.iterdir()):
            raise FatalError(f"{self._data}: holds something that is no PostgreSQL cluster; move it away")
        fresh = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._hand_over(fresh, way)
        sync = "--sync-method=syncfs" if sys.platform.startswith("linux") else "--sync-method=fsync"
        kind = ("--username", NAME, "--auth=peer", "--encoding=UTF8", "--locale=C", "--no-instructions")
        await self._finish(self._spawn(way, [binaries() / "initdb", "-D", fresh, sync, *kind], "KILL"))
        single = [binaries() / "postgres", "--single", "-D", fresh, "-c", "log_min_messages=warning", "postgres"]
        await self._finish(self._spawn(way, single, "KILL", told=f"CREATE DATABASE {NAME}\n"))
        fresh.replace(self._data)
        folder = os.open(self._data.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _spawn(
        self, way: Launch, words: Sequence[str | Path], on_our_death: str, *, told: str = ""
    ) -> subprocess.Popen[bytes]:
        program, *arguments = words
        command = way.command(Path(program), *map(str, arguments), on_our_death=on_our_death)
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own words and folders, no shell
                command,
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(told.encode())
        return process

    async def _finish(self, process: subprocess.Popen[bytes]) -> None:
        try:
            await self._ended(process, _INITDB_WITHIN_S)
            code = process.poll()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            raise FatalError(f"a database cannot be made in {self._data.parent}: {self._last_words()}")

    async def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = self._clock.monotonic() + _READY_WITHIN_S
        while True:
            if process.poll() is not None:
                raise StoreUnavailable(f"PostgreSQL ended at once: {self._last_words()}")
            lines = read_pid_file(self._data)
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            if self._clock.monotonic() > deadline:
                raise StoreUnavailable(f"PostgreSQL was not ready within {_READY_WITHIN_S:.0f} s: {self._last_words()}")
            await self._clock.sleep(_POLL_S)

    async def _ended(self, process: subprocess.Popen[bytes], within_s: float) -> None:
        deadline = self._clock.monotonic() + within_s
        while process.poll() is None and self._clock.monotonic() < deadline:
            await self._clock.sleep(_POLL_S)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": '"' + str(self._runtime).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "port": str(_PORT),
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "shared_buffers": f"{self._shared_buffers_mb}MB",
            "work_mem": "8MB",
            "maintenance_work_mem": "32MB",
            "max_connections": "120",
            "min_wal_size": "256MB",
            "max_wal_size": "1GB",
            "wal_buffers": "16MB",
            "checkpoint_completion_target": "0.9",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_logical_replication_workers": "0",
            "io_method": "sync",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "log",
            "log_checkpoints": "off",
            "logging_collector": "off",
        }
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _make_folders(self) -> None:
        for folder in (self._data.parent, self._runtime, self.log_file.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        ours = binaries().parent.name.removeprefix("pginstall")
        if found != ours:
            raise FatalError(f"{self._data}: made by PostgreSQL {found}, but this AlphaPlus brings {ours}")

    @staticmethod
    def _hand_over(folder: Path, way: Launch) -> None:
        """PostgreSQL wants to own its files; as root we may give them to whom it runs as."""
        if os.getuid() != 0 or folder.stat().st_uid == way.owner:
            return
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.lchown(Path(parent, name), way.owner, -1)
        os.chown(folder, way.owner, -1)

    @staticmethod
    def _write_access(folder: Path, way: Launch) -> None:
        """Who may come in: our own user, by the socket, as the database's only user. Written at each start."""
        for name, text in (
            ("pg_hba.conf", f"local all {NAME} peer map=me\n"),
            ("pg_ident.conf", f'me "{way.peer}" {NAME}\n'),
        ):
            path = folder / name
            if not path.exists() or path.read_text() != text:
                path.write_text(text)

    def _bound_log(self) -> None:
        with contextlib.suppress(OSError):
            if self.log_file.stat().st_size > _LOG_LIMIT:
                shutil.copyfile(self.log_file, self.log_file.with_suffix(".log.1"))
                os.truncate(self.log_file, 0)

    def _last_words(self) -> str:
        try:
            lines = self.log_file.read_text(encoding="utf-8", errors="replace")[-2000:].strip().splitlines()
        except OSError:
            lines = []
        return _told(lines)


def _told(lines: Sequence[str]) -> str:
    """Of a log what the last server complained of; its end where it complained of nothing."""
    begins = max((number for number, line in enumerate(lines) if "starting PostgreSQL" in line), default=0)
    complaints = [line for line in lines[begins:] if any(word in line for word in ("PANIC:", "FATAL:", "ERROR:"))]
    return " / ".join(line.strip() for line in complaints[-3:] or lines[-3:]) or "it said nothing"


def _environment() -> dict[str, str]:
    """Ours without what would lead PostgreSQL's programs elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
