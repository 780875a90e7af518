"""Backup and restore for a short command, whether an engine runs or not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alphaplus_tui.errors import UsageError
from alphaplus_tui.runtime.short import joined_database
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

if TYPE_CHECKING:
    from alphaplus_tui.storage.backup import Backup


async def back_up(settings: Settings, paths: Paths, file: Path, *, replace: bool) -> "Backup":
    """Joins the server of a running engine; otherwise the caller holds the lock of the data folder."""
    from alphaplus_tui.storage import backup  # noqa: PLC0415  brings asyncpg

    if settings.database.embedded and not (paths.database / "PG_VERSION").exists():
        raise UsageError(f"{paths.data}: nothing was ever stored here; --demo or --data-dir names another folder")
    async with joined_database(settings, paths) as database:
        address = await database.address()
        return await backup.back_up(address, file, embedded=settings.database.embedded, replace=replace)


async def restore(settings: Settings, paths: Paths, file: Path, *, replace: bool) -> "Backup":
    """The caller holds the lock of the data folder. Afterwards the tables are brought up to this release."""
    from alphaplus_tui.storage import backup  # noqa: PLC0415  brings asyncpg

    async with joined_database(settings, paths) as database:
        address = await database.address()
        restored = await backup.restore(address, file, embedded=settings.database.embedded, replace=replace)
        await database.migrate()
        return restored


async def back_up_before_migration(settings: Settings, paths: Paths) -> tuple["Backup | None", tuple[str, ...]]:
    """A backup in ``backups/`` of the data folder where what is due changes rows that are there; and those steps."""
    from alphaplus_tui.storage import backup  # noqa: PLC0415  brings asyncpg
    from alphaplus_tui.storage.migrate import changing_data  # noqa: PLC0415  likewise

    async with joined_database(settings, paths) as database:
        await database.connect(migrate=False)
        version = (await database.statistics()).schema_version
        steps = changing_data(version) if version else ()
        if not steps:
            return None, ()
        folder = paths.data / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = folder / f"schema-{version}-{stamp}.dump"
        address = await database.address()
        return await backup.back_up(address, file, embedded=settings.database.embedded), steps
