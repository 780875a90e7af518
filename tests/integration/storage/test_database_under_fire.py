"""The database killed, frozen and away: nothing lost, nothing twice, and nobody waits long."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Side, Trade
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.errors import DeadlineExceeded, StoreUnavailable, TransientError
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage.database import PostgresDatabase
from tests.support import eventually

NOON = 1_733_054_400 * SECOND_NS
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)


@pytest.fixture
def folder() -> Generator[Path, None, None]:
    made = Path(tempfile.mkdtemp(prefix="ap-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


class Told:
    """What ``run`` says, in order."""

    def __init__(self) -> None:
        self.states: list[tuple[bool, str]] = []

    def __call__(self, connected: bool, reason: str) -> None:
        self.states.append((connected, reason))

    @property
    def connected(self) -> bool:
        return bool(self.states) and self.states[-1][0]


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[tuple[PostgresDatabase, Told], None]:
    """An embedded database with its supervisor, up and with its instrument."""
    database = PostgresDatabase(
        DatabaseSettings(), data_dir=folder / "db", runtime_dir=folder, clock=SystemClock(), meters=Meters()
    )
    told = Told()
    async with database:
        supervisor = asyncio.create_task(database.run(told))
        try:
            await eventually(lambda: told.connected, within_s=30)
            await database.writer.register([BTC])
            yield database, told
        finally:
            supervisor.cancel()
            await asyncio.wait({supervisor})


def server_processes(folder: Path) -> list[psutil.Process]:
    """The main process first."""
    main = psutil.Process(int((folder / "db" / "postmaster.pid").read_text().split()[0]))
    return [main, *main.children()]


def batch(number: int, size: int = 50) -> Batch:
    seqs = range(number * size, (number + 1) * size)
    return Batch(
        trades=tuple(
            Trade(BTC.id, str(n), n, 100.0, 1.0, Side.BUY, NOON + n * 1_000_000, NOON + n * 1_000_000) for n in seqs
        )
    )


async def stored(database: PostgresDatabase) -> list[int]:
    seqs: list[int] = []
    after: int | None = None
    while True:
        page = await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=10_000, after_seq=after)
        if not page:
            return seqs
        seqs += [trade.seq for trade in page]
        after = page[-1].seq


class Load:
    """Writes batch after batch, each until it is acknowledged."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.acknowledged = 0
        self.failures = 0

    async def run(self) -> None:
        while True:
            try:
                await self._database.writer.write(batch(self.acknowledged))
                self.acknowledged += 1
            except StoreUnavailable:
                self.failures += 1
                await asyncio.sleep(0.01)


async def test_four_kills_of_the_server_under_load_lose_nothing_and_double_nothing(folder: Path) -> None:
    async with running(folder) as (database, told):
        load = Load(database)
        writing = asyncio.create_task(load.run())
        for _ in range(4):
            enough = load.acknowledged + 10
            await eventually(lambda enough=enough: load.acknowledged >= enough)
            began, before = time.monotonic(), load.failures
            os.kill(server_processes(folder)[0].pid, signal.SIGKILL)
            await eventually(lambda before=before: load.failures > before)
            resumed = load.acknowledged + 1
            await eventually(lambda resumed=resumed: load.acknowledged >= resumed, within_s=20)
            print(f"writing again {time.monotonic() - began:.2f} s after the kill")
        writing.cancel()
        await asyncio.wait({writing})
        await eventually(lambda: told.connected)
        seqs = await stored(database)
        assert seqs == list(range(len(seqs)))
        assert len(seqs) >= load.acknowledged * 50


async def test_a_frozen_server_is_told_within_deadlines_and_used_again_when_it_thaws(folder: Path) -> None:
    async with running(folder) as (database, told):
        await database.writer.write(batch(0))
        frozen = server_processes(folder)
        for process in frozen:
            process.suspend()
        began = time.monotonic()
        with pytest.raises((DeadlineExceeded, StoreUnavailable)):
            await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=10)
        assert time.monotonic() - began < 4
        await eventually(lambda: not told.connected)
        for process in frozen:
            process.resume()
        await eventually(lambda: told.connected)
        assert len(await stored(database)) == 50


async def test_a_cancelled_question_costs_nobody_else_anything(folder: Path) -> None:
    async with running(folder) as (database, _):
        for _ in range(20):
            asked = asyncio.create_task(database.reader.statistics())
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait({asked})
        assert await database.reader.ping() < 2


async def test_a_database_that_is_down_at_the_start_is_unavailable_until_it_comes(folder: Path) -> None:
    database = PostgresDatabase(
        DatabaseSettings(url=f"postgresql://alphaplus@/alphaplus?host={folder}"),
        data_dir=folder / "unused",
        runtime_dir=folder,
        clock=SystemClock(),
        meters=Meters(),
    )
    told = Told()
    async with database:
        with pytest.raises(StoreUnavailable, match="not connected yet"):
            await database.writer.write(batch(0))
        supervisor = asyncio.create_task(database.run(told))
        await eventually(lambda: told.states)
        assert not told.connected
        async with running(folder):
            await eventually(lambda: told.connected, within_s=20)
            assert (await database.writer.write(batch(0))).rows == {"trades": 50}
            assert not supervisor.done()
        supervisor.cancel()
        await asyncio.wait({supervisor})


async def test_a_joining_command_uses_the_running_server_and_leaves_it_running(folder: Path) -> None:
    async with running(folder) as (database, _):
        await database.writer.write(batch(0))
        guest = PostgresDatabase(
            DatabaseSettings(),
            data_dir=folder / "db",
            runtime_dir=folder,
            clock=SystemClock(),
            meters=Meters(),
            join=True,
        )
        async with guest:
            await guest.connect(migrate=False)
            assert len(await stored(guest)) == 50
        assert (await database.writer.write(batch(1))).rows == {"trades": 50}


async def test_a_crowd_waits_for_the_few_connections_and_is_served(folder: Path) -> None:
    async with running(folder) as (database, _):
        await database.writer.write(batch(0))
        answers = await asyncio.gather(
            *(database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=10) for _ in range(100))
        )
        assert {len(answer) for answer in answers} == {10}


async def test_after_leaving_everything_is_refused_and_no_process_is_left(folder: Path) -> None:
    async with running(folder) as (database, _):
        processes = server_processes(folder)
    with pytest.raises(TransientError):
        await database.reader.ping()
    assert not any(process.is_running() for process in processes)
