"""A real PostgreSQL for tests: one embedded server for each test session, an empty database for each test."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.database import PostgresDatabase
from alphaplus_tui.storage.embedded import EmbeddedServer, ServerAddress

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerAddress, None, None]:
    """The address of a running server, in a folder whose name has a space."""
    runtime = Path(tempfile.mkdtemp(prefix="ap-"))
    folder = tmp_path_factory.mktemp("data folder")
    running = EmbeddedServer(folder / "postgres", runtime_dir=runtime, clock=SystemClock(), shared_buffers_mb=32)
    yield asyncio.run(running.start())
    asyncio.run(running.stop())
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
async def url(server: ServerAddress) -> str:
    """An empty database, by URL."""
    return await new_database(server)


async def new_database(server: ServerAddress) -> str:
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(
        host=str(server.socket_dir), port=server.port, user=server.user, database="postgres"
    )
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"postgresql://{server.user}@/{name}?host={server.socket_dir}&port={server.port}"


def database_at(url: str, folder: Path, *, meters: Meters | None = None) -> PostgresDatabase:
    return PostgresDatabase(
        DatabaseSettings(url=url),
        data_dir=folder / "unused",
        runtime_dir=folder / "unused",
        clock=SystemClock(),
        meters=meters or Meters(),
    )


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    """A connection beside ours, to look with or to disturb."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def database(url: str, tmp_path: Path) -> AsyncGenerator[PostgresDatabase, None]:
    """Connected, with tables."""
    async with database_at(url, tmp_path) as made:
        await made.connect()
        yield made
