"""Brings the database's tables to what this program knows: numbered SQL files, in one transaction."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from alphaplus_tui import __version__
from alphaplus_tui.errors import FatalError, SchemaTooNew

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x416C7068
"""Of PostgreSQL's advisory locks: whoever migrates holds it."""

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    file       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_by text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(Struct, frozen=True):
    version: int
    file: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All files of ``folder`` by number."""
    return tuple(
        Migration(int(path.name.partition("_")[0]), path.name, path.read_text("utf-8"))
        for path in sorted(folder.glob("[0-9]*.sql"))
    )


async def migrate(connection: "Connection", folder: Path = FOLDER) -> int:
    """Apply what is missing and return the version; a crash in the middle leaves everything as it was.

    ``SchemaTooNew`` when a newer program was here; ``FatalError`` when an applied file says something else by now.
    """
    steps = await asyncio.to_thread(migrations, folder)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_LEDGER)
        applied = {
            row["version"]: (row["file"], row["checksum"])
            for row in await connection.fetch("SELECT version, file, checksum FROM schema_migrations")
        }
        known = steps[-1].version
        _check(applied, {step.file: step for step in steps}, known)
        for step in steps:
            if step.version not in applied:
                await _apply(connection, step)
    return known


_CHANGES_DATA = re.compile(
    r"\b(UPDATE|DELETE\s+FROM|TRUNCATE|INSERT\s+INTO|DROP\s+(TABLE|COLUMN|VIEW)|ALTER\s+COLUMN\s+\w+\s+TYPE)\b", re.I
)


def changing_data(after: int, folder: Path = FOLDER) -> tuple[str, ...]:
    """Files of the steps after schema ``after`` that touch rows which may be there already."""
    return tuple(
        step.file
        for step in migrations(folder)
        if step.version > after and _CHANGES_DATA.search(re.sub(r"--[^\n]*|'[^']*'", "", step.sql))
    )


async def schema_version(connection: "Connection") -> int:
    """0 where nothing of ours is."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return 0
    return await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_migrations")


async def _apply(connection: "Connection", step: Migration) -> None:
    await connection.execute(step.sql)
    await connection.execute(
        "INSERT INTO schema_migrations (version, file, checksum, applied_by) VALUES ($1, $2, $3, $4)",
        step.version,
        step.file,
        step.checksum,
        __version__,
    )


def _check(applied: dict[int, tuple[str, str]], files: dict[str, Migration], known: int) -> None:
    newest = max(applied, default=0)
    if newest > known:
        raise SchemaTooNew(
            f"the database has schema {newest}, this AlphaPlus {__version__} knows up to {known}; "
            "update AlphaPlus, or use another data folder"
        )
    changed: Sequence[str] = [
        file for file, checksum in applied.values() if file in files and files[file].checksum != checksum
    ]
    if changed:
        raise FatalError(f"{', '.join(sorted(changed))}: the database was made with another text of this migration")
