"""Backs the database up into a standard archive and restores one: verified row by row, all or nothing."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from alphaplus_tui import __version__
from alphaplus_tui.errors import FatalError, SchemaTooNew, UsageError
from alphaplus_tui.storage.archive import LEDGER, Archive, read_archive
from alphaplus_tui.storage.client_tools import ClientTools, client_tools, last_words
from alphaplus_tui.storage.migrate import migrations
from alphaplus_tui.storage.pool import Address, single
from alphaplus_tui.storage.timescale import has_timescale

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_WITHIN_S = 24 * 3600.0
"""For a whole backup; each of its parts ends when PostgreSQL's programs do."""
_SESSION = {"statement_timeout": "0", "lock_timeout": "60s", "idle_in_transaction_session_timeout": "0"}

_TABLES = """
SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND relpersistence = 'p' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'alphaplus' AND pid <> pg_backend_pid()
"""
_NAMED = re.compile(r"\bCREATE (TABLE|VIEW|TYPE)\s+(\w+)|\bRENAME TO (\w+)", re.IGNORECASE)


class Backup(Struct, frozen=True, tag_field="event", tag="backup"):
    """What was written, or put back."""

    file: str
    bytes: int
    taken_at: int
    """The moment that it shows, UTC ns; of a restore, when it was done."""
    schema_version: int
    rows: dict[str, int]
    """By table; partitions are counted with theirs."""


async def back_up(address: Address, file: Path, *, embedded: bool, replace: bool = False) -> Backup:
    """All that is committed at one moment; others go on reading and writing.

    ``UsageError`` where ``file`` is there (unless ``replace``) or cannot be made, ``FatalError`` when what was written
    is not what is stored.
    """
    _check_target(file, replace=replace)
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        async with single(address, deadline_s=_WITHIN_S, session=_SESSION) as connection:
            tools = await _tools(connection, address, embedded=embedded)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                snapshot: str = await connection.fetchval("SELECT pg_export_snapshot()")
                taken_at, stored = time.time_ns(), await _count(connection)
                roots = await _roots(connection)
                options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
                await tools.run("pg_dump", *options, f"--file={draft}")
        archive = await read_archive(tools, draft)
        _compare(archive, stored, what="the backup")
        await asyncio.to_thread(_finish, draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return _made(file, taken_at, archive, roots)


async def restore(address: Address, file: Path, *, embedded: bool, replace: bool = False) -> Backup:
    """In one transaction: either all of it is there, or everything is as it was.

    Whoever calls sees to it that no engine of this data folder runs. ``UsageError`` where there is data (unless
    ``replace``), where others use the database, and for a file that is no backup; ``SchemaTooNew``.
    """
    _check_source(file)
    async with single(address, deadline_s=_WITHIN_S, session=_SESSION) as connection:
        tools = await _tools(connection, address, embedded=embedded)
        archive = await read_archive(tools, file)
        known = migrations()[-1].version
        if archive.schema_version > known:
            raise SchemaTooNew(
                f"{file} has schema {archive.schema_version}, this AlphaPlus {__version__} knows up to {known}; "
                "update AlphaPlus"
            )
        await _check_free(connection, replace=replace)
        ours = [row[0] for row in await connection.fetch(_DROPS, [*_our_names(), LEDGER])]
        await _play(tools, file, before=ours)
        _compare(archive, await _count(connection), what="the database after the restore")
        roots = await _roots(connection)
    return _made(file, time.time_ns(), archive, roots)


_DROPS = """
SELECT format('DROP %s IF EXISTS %I.%I CASCADE;', kind, nspname, name) FROM (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, relnamespace AS space, relname AS name
    FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND oid = to_regclass(relname::text)
    UNION ALL
    SELECT 'TYPE', typnamespace, typname FROM pg_type WHERE typtype = 'e' AND oid = to_regtype(typname::text)
) AS there JOIN pg_namespace n ON n.oid = space
WHERE name = ANY ($1) ORDER BY kind DESC
"""
"""What would be in the way of a restore: what our migrations made, where the search path finds it."""


async def _play(tools: ClientTools, file: Path, *, before: Iterable[str]) -> None:
    """The archive through psql; COMMIT is said only when all of it went in."""
    receiving, sending = os.pipe()
    psql = await asyncio.create_subprocess_exec(
        *tools.command("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"),
        stdin=receiving,
        stderr=subprocess.PIPE,
        env=tools.environment(),
    )
    os.close(receiving)
    unpacking: asyncio.subprocess.Process | None = None
    complaints = asyncio.create_task(psql.communicate())
    try:
        with os.fdopen(sending, "wb", buffering=0) as script, suppress(BrokenPipeError):
            script.write(("BEGIN;\n" + "\n".join(before) + "\n").encode())
            unpacking = await asyncio.create_subprocess_exec(
                *tools.command("pg_restore", "--no-owner", "--no-privileges", "--file=-", str(file), connected=False),
                stdin=subprocess.DEVNULL,
                stdout=script,
                stderr=subprocess.DEVNULL,
            )
            if await unpacking.wait() == 0:
                script.write(b"\nCOMMIT;\n")
        _, told = await complaints
    finally:
        complaints.cancel()
        for process in (psql, unpacking):
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
    if psql.returncode != 0 or unpacking is None or unpacking.returncode != 0:
        raise FatalError(f"the backup was not restored, and everything is as it was: {last_words(told)}")


async def _tools(connection: "Connection", address: Address, *, embedded: bool) -> ClientTools:
    major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
    return await asyncio.to_thread(client_tools, address, server_major=major, embedded=embedded)


async def _check_free(connection: "Connection", *, replace: bool) -> None:
    if await has_timescale(connection):
        raise UsageError(
            "a database with TimescaleDB is restored with its own steps: SELECT timescaledb_pre_restore(); pg_restore "
            "of the file; SELECT timescaledb_post_restore()"
        )
    if await connection.fetchval(_OTHERS):
        raise UsageError("another AlphaPlus uses this database; stop it before something is restored over it")
    if replace:
        return
    stored = _by_root(await _count(connection), await _roots(connection))
    held = [f"{rows:,} in {table}" for table, rows in stored.items() if rows and table != LEDGER]
    if held:
        raise UsageError(f"there are rows already ({', '.join(held)}); --force replaces everything that is stored")


async def _count(connection: "Connection") -> dict[str, int]:
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - quoted by PostgreSQL


async def _roots(connection: "Connection") -> dict[str, str]:
    """The partitioned table of each partition."""
    rows = await connection.fetch(
        "SELECT format('%I.%I', n.nspname, c.relname), p.relname FROM pg_inherits "
        "JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_class p ON p.oid = inhparent WHERE c.relkind = 'r'"
    )
    return {row[0]: row[1] for row in rows}


def _by_root(rows: dict[str, int], roots: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for table, count in sorted(rows.items()):
        root = roots.get(table, table.rpartition(".")[2])
        found[root] = found.get(root, 0) + count
    return found


def _compare(archive: Archive, stored: dict[str, int], *, what: str) -> None:
    wrong = [
        f"{table}: {archive.rows.get(table)} in the file, {stored.get(table)} stored"
        for table in sorted(archive.rows.keys() | stored.keys())
        if archive.rows.get(table) != stored.get(table)
    ]
    if wrong:
        raise FatalError(f"{what} is not what it should be: {'; '.join(wrong[:5])}")


def _our_names() -> set[str]:
    """Tables, views and types that some migration made."""
    found = (match for step in migrations() for match in _NAMED.findall(step.sql))
    return {name for _, made, renamed in found if (name := made or renamed)}


def _check_target(file: Path, *, replace: bool) -> None:
    if file.exists() and (not replace or not file.is_file()):
        raise UsageError(f"{file}: is there already; choose another name, or --force replaces it")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise UsageError(f"{file.parent}: is no folder that can be written to")


def _check_source(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"{file}: there is no such backup")


def _made(file: Path, moment: int, archive: Archive, roots: dict[str, str]) -> Backup:
    return Backup(str(file), file.stat().st_size, moment, archive.schema_version, _by_root(archive.rows, roots))


def _finish(draft: Path, file: Path) -> None:
    """On the disk before it gets its name."""
    draft.chmod(0o600)
    for path in (draft, draft.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    draft.replace(file)
