"""Wires what stores: the database, the spool for when it is away, the writer of the market, and what forgets."""

from dataclasses import dataclass

from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.services.database import DatabaseService
from alphaplus_tui.services.persistence import PersistenceService
from alphaplus_tui.services.retention import RetentionService
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.embedded import EmbeddedServer
from alphaplus_tui.storage.spool import FileSpool


@dataclass(frozen=True, slots=True)
class Storing:
    """What the builder needs of it."""

    database: PostgresDatabase
    spool: FileSpool
    supervision: DatabaseService
    persistence: PersistenceService
    retention: RetentionService


def storing(on: Ground, server: EmbeddedServer | None) -> Storing:
    """server: where the database is ours."""
    settings = on.settings.database
    database = PostgresDatabase(
        settings,
        data_dir=on.paths.database,
        runtime_dir=on.paths.runtime,
        clock=on.clock,
        meters=on.meters,
        server=server,
    )
    spool = FileSpool(on.paths.spool, max_bytes=settings.spool_max_mb * 1_000_000, clock=on.clock)
    persistence = PersistenceService(
        database.writer, database.reader, spool, on.bus, clock=on.clock, market=on.market, meters=on.meters
    )
    return Storing(
        database,
        spool,
        DatabaseService(database.run, on.bus, market=on.market),
        persistence,
        RetentionService(database.writer, settings, market=on.market, rng=on.rng),
    )
