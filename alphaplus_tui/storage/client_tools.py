"""Finds PostgreSQL's own programs for backup and restore, and runs them with a password that nobody sees."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.storage.launch import binaries
from alphaplus_tui.storage.pool import Address

_PROGRAMS = ("pg_dump", "pg_restore", "psql")


@dataclass(frozen=True, slots=True)
class ClientTools:
    """The programs of one release of PostgreSQL, for one server."""

    folder: Path
    address: Address

    def command(self, program: str, *arguments: str, connected: bool = True) -> list[str]:
        """connected: tell the program where the server is."""
        return [str(self.folder / program), *(self._where() if connected else ()), *arguments]

    def environment(self) -> dict[str, str]:
        """The password goes by the environment, which other users cannot read; never by an argument."""
        kept = {name: value for name, value in os.environ.items() if name != "PGOPTIONS"}
        kept |= {"LC_ALL": "C", "PGAPPNAME": "alphaplus", "PGOPTIONS": "-c client_min_messages=warning"}
        return kept | ({"PGPASSWORD": self.address.password} if self.address.password else {})

    async def run(self, program: str, *arguments: str) -> str:
        """What it said on stdout. ``FatalError`` with its last words when it failed."""
        process = await asyncio.create_subprocess_exec(
            *self.command(program, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )
        try:
            told, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise FatalError(f"{program}: {last_words(complaints)}")
        return told.decode(errors="replace")

    def _where(self) -> tuple[str, ...]:
        address = self.address
        if address.dsn is not None:
            return (f"--dbname={address.dsn}",)
        return (
            f"--host={address.host}",
            f"--port={address.port}",
            f"--username={address.user}",
            f"--dbname={address.database}",
        )


def client_tools(address: Address, *, server_major: int, embedded: bool) -> ClientTools:
    """For the embedded server always its own; for another those of its release. ``UsageError`` says what to install."""
    if embedded:
        return ClientTools(binaries(), address)
    seen: list[str] = []
    for folder in _folders():
        major = _major(folder / "pg_dump")
        if major == server_major and all((folder / program).is_file() for program in _PROGRAMS):
            return ClientTools(folder, address)
        seen.append(f"{folder}: {major or 'none that runs'}")
    raise UsageError(
        f"the server is PostgreSQL {server_major}, and its pg_dump, pg_restore and psql are not here "
        f"({'; '.join(seen) or 'no pg_dump in PATH'}); install postgresql-client-{server_major}"
    )


def last_words(complaints: bytes) -> str:
    lines = [line for line in complaints.decode(errors="replace").strip().splitlines() if line]
    return clean(" / ".join(lines[-3:]) or "it said nothing", limit=600)


def _folders() -> list[Path]:
    """Where pg_dump may be: the PATH, where Debian keeps several releases, and beside our own server."""
    found = shutil.which("pg_dump")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    try:
        folders.append(binaries())
    except FatalError:
        return folders
    return folders


def _major(program: Path) -> int | None:
    words: Sequence[str] = (str(program), "--version")
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\) (\d+)", told)
    return int(match[1]) if match else None
