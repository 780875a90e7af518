"""The database for a short command: the running engine's, or our own for a moment."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from alphaplus_tui.errors import UsageError
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import DatabaseStatistics, StoreReader, StoreWriter
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

if TYPE_CHECKING:
    from alphaplus_tui.storage.database import PostgresDatabase


class ShortDatabase(Protocol):
    """What short commands do with the database."""

    @property
    def reader(self) -> StoreReader: ...

    @property
    def writer(self) -> StoreWriter: ...

    async def statistics(self) -> DatabaseStatistics: ...

    async def migrate(self) -> int:
        """Bring the tables up to date; returns the schema's version."""
        ...


@asynccontextmanager
async def open_database(
    settings: Settings, paths: Paths, *, create: bool = False
) -> AsyncGenerator[ShortDatabase, None]:
    """Connected. Raises what stands in the way: UsageError, StoreUnavailable, DeadlineExceeded, FatalError.

    With a running engine in the data folder its embedded server is joined; otherwise one is started and stopped
    again, for which the caller holds the lock of the folder.
    create: make a database where there is none, and bring its tables up to date.
    """
    if not create and settings.database.embedded and not (paths.database / "PG_VERSION").exists():
        raise UsageError(
            f"{paths.data}: nothing was ever stored here; --demo or --data-dir names another folder "
            "(the demo market's is demo/, a replay's replay/ below the usual one)"
        )
    async with joined_database(settings, paths) as database:
        await database.connect(migrate=create)
        yield database


@asynccontextmanager
async def joined_database(settings: Settings, paths: Paths) -> "AsyncGenerator[PostgresDatabase, None]":
    """Its server runs, a running engine's or one of our own; nothing is connected to it yet."""
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
        yield database
