"""The database for a short command: the running engine's, or our own for a moment."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

if TYPE_CHECKING:
    from alphaplus_tui.storage.database import PostgresDatabase


@asynccontextmanager
async def open_database(
    settings: Settings, paths: Paths, *, migrate: bool = False
) -> "AsyncGenerator[PostgresDatabase, None]":
    """Connected. Raises what stands in the way: StoreUnavailable, DeadlineExceeded, FatalError.

    With a running engine in the data folder its embedded server is joined; otherwise one is started and stopped
    again, for which the caller holds the lock of the folder.
    """
    from alphaplus_tui.storage.database import PostgresDatabase  # noqa: PLC0415  brings asyncpg

    database = PostgresDatabase(
        settings.database,
        data_dir=paths.database,
        runtime_dir=paths.runtime,
        clock=SystemClock(),
        meters=Meters(),
        join=True,
    )
    async with database:
        await database.connect(migrate=migrate)
        yield database
