"""The embedded server through kills, orphans, stale files and half-made clusters."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from alphaplus_tui.errors import FatalError, StoreUnavailable
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.embedded import EmbeddedServer, ServerAddress, join_address
from alphaplus_tui.storage.launch import as_another_user, binaries, in_a_namespace
from tests.support import REPOSITORY, eventually, need_tool

START_AND_SAY = """
import asyncio, sys
from pathlib import Path
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.embedded import EmbeddedServer
async def main():
    server = EmbeddedServer(Path(sys.argv[1]), runtime_dir=Path(sys.argv[2]), clock=SystemClock())
    await server.start()
    print(server.pid, flush=True)
    if "stop" in sys.argv:
        await server.stop()
    else:
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def runtime() -> Generator[Path, None, None]:
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that was started and stopped once, to copy from."""
    folder = tmp_path_factory.mktemp("cluster") / "postgres"
    runtime = Path(tempfile.mkdtemp(prefix="ap-"))
    server = embedded(folder, runtime)
    asyncio.run(server.start())
    asyncio.run(server.stop())
    shutil.rmtree(runtime)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Where a cluster is to be, on a path with a space and an umlaut."""
    (tmp_path / "märkte und daten").mkdir()
    return tmp_path / "märkte und daten" / "postgres"


@pytest.fixture
def data(cluster: Path, fresh: Path) -> Path:
    """A folder with a cluster in it."""
    shutil.copytree(cluster, fresh)
    return fresh


def embedded(data: Path, runtime: Path) -> EmbeddedServer:
    return EmbeddedServer(data, runtime_dir=runtime, clock=SystemClock(), shared_buffers_mb=16)


@asynccontextmanager
async def looking_at(address: ServerAddress) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]", None]:
    connection = await asyncpg.connect(
        host=str(address.socket_dir), port=address.port, user=address.user, database=address.database
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def started(server: EmbeddedServer) -> AsyncGenerator[ServerAddress, None]:
    try:
        yield await server.start()
    finally:
        await server.stop()


def postgres_in(data: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and Path(process.cwd()) == data:
                found.append(process)
        except psutil.Error:
            continue
    return found


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pid_of_the_server_of_a_killed_parent(data: Path, runtime: Path) -> int:
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_SAY, data, runtime], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert parent.stdout is not None
    with parent.stdout as said:
        pid = int(said.readline())
    parent.kill()
    parent.wait()
    return pid


def orphaned_server(data: Path, runtime: Path) -> "subprocess.Popen[bytes]":
    """As an AlphaPlus without a parent-death signal would have left it."""
    namespace = in_a_namespace() if os.getuid() == 0 else None
    before = namespace.before if namespace else ()
    return subprocess.Popen(
        [*before, binaries() / "postgres", "-D", data, "-k", runtime], stderr=subprocess.DEVNULL, cwd="/"
    )


@contextmanager
def a_stranger() -> Generator["subprocess.Popen[bytes]", None, None]:
    """A process that has nothing to do with us."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        yield stranger
    finally:
        stranger.kill()
        stranger.wait()


class TestAnOrdinaryLife:
    async def test_it_starts_answers_stops_and_keeps_what_was_written(self, fresh: Path, runtime: Path) -> None:
        server = embedded(fresh, runtime)
        async with started(server) as address, looking_at(address) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert not server.poll()
        assert postgres_in(fresh) == []
        async with started(server) as address, looking_at(address) as connection:
            assert await connection.fetchval("SELECT answer FROM kept") == 42

    async def test_two_who_start_it_wait_for_one_server(self, data: Path, runtime: Path) -> None:
        server = embedded(data, runtime)
        async with started(server) as address:
            pid = server.pid
            assert await asyncio.gather(server.start(), server.start()) == [address, address]
            assert server.pid == pid
        addresses = await asyncio.gather(server.start(), server.start())
        try:
            assert addresses == [address, address]
            assert len([process for process in postgres_in(data) if process.pid == server.pid]) == 1
        finally:
            await server.stop()

    async def test_who_stops_waiting_breaks_no_start_off_and_a_stop_does(self, data: Path, runtime: Path) -> None:
        server = embedded(data, runtime)
        impatient = asyncio.create_task(server.start())
        await eventually(lambda: server.pid is not None)
        impatient.cancel()
        await asyncio.wait({impatient})
        await server.start()
        assert server.poll()
        await server.stop()
        beginning = asyncio.create_task(server.start())
        await eventually(lambda: server.pid is not None)
        await server.stop()
        await asyncio.wait({beginning})
        assert beginning.cancelled()
        assert not server.poll()
        assert not postgres_in(data)

    async def test_nobody_else_may_look_into_its_folders_and_there_is_no_tcp(self, data: Path, runtime: Path) -> None:
        async with started(embedded(data, runtime)) as address, looking_at(address) as connection:
            assert await connection.fetchval("SHOW listen_addresses") == ""
            assert mode(data) == 0o700
            assert mode(address.socket_dir) == 0o700
            rules = await connection.fetch("SELECT type, auth_method FROM pg_hba_file_rules")
            assert [tuple(rule.values()) for rule in rules] == [("local", "peer")]

    async def test_what_is_committed_is_on_disk(self, data: Path, runtime: Path) -> None:
        async with started(embedded(data, runtime)) as address, looking_at(address) as connection:
            shown = [await connection.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
            assert shown == ["on", "on"]

    async def test_a_short_command_finds_the_running_server_and_none_after_its_end(
        self, data: Path, runtime: Path
    ) -> None:
        server = embedded(data, runtime)
        assert join_address(data) is None
        async with started(server) as address:
            assert join_address(data) == address
        assert join_address(data) is None

    async def test_its_log_stays_small(self, data: Path, runtime: Path) -> None:
        server = embedded(data, runtime)
        async with started(server):
            with server.log_file.open("ab") as log:
                log.write(b"x" * 5_000_000)
            server.tend()
            assert server.log_file.stat().st_size == 0
            assert server.log_file.with_suffix(".log.1").stat().st_size > 5_000_000

    async def test_a_folder_with_something_else_in_it_is_left_alone(self, fresh: Path, runtime: Path) -> None:
        put(fresh / "thesis.txt", "ten years of work")
        with pytest.raises(FatalError, match="no PostgreSQL cluster"):
            await embedded(fresh, runtime).start()
        assert (fresh / "thesis.txt").read_text() == "ten years of work"

    async def test_a_cluster_of_another_postgresql_is_refused_with_both_versions(
        self, fresh: Path, runtime: Path
    ) -> None:
        put(fresh / "PG_VERSION", "17\n")
        with pytest.raises(FatalError, match=r"PostgreSQL 17.*brings 18"):
            await embedded(fresh, runtime).start()


class TestAfterAKill:
    async def test_it_starts_again_after_its_own_sigkill(self, data: Path, runtime: Path) -> None:
        server = embedded(data, runtime)
        async with started(server) as address:
            async with looking_at(address) as connection:
                await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await eventually(lambda: not server.poll())
            again = await server.start()
            async with looking_at(again) as connection:
                assert await connection.fetchval("SELECT answer FROM kept") == 42

    async def test_it_goes_with_its_killed_parent(self, data: Path, runtime: Path) -> None:
        need_tool("setpriv", package="util-linux")
        pid = await asyncio.to_thread(pid_of_the_server_of_a_killed_parent, data, runtime)
        await eventually(lambda: not psutil.pid_exists(pid))

    @pytest.mark.parametrize("frozen", [False, True])
    async def test_an_orphan_of_a_killed_parent_is_taken_down_within_five_seconds(
        self, data: Path, runtime: Path, frozen: bool
    ) -> None:
        orphan = orphaned_server(data, runtime)
        await eventually(lambda: join_address(data))
        if frozen:
            os.kill(orphan.pid, signal.SIGSTOP)
        began = time.monotonic()
        async with started(embedded(data, runtime)) as address, looking_at(address) as connection:
            assert time.monotonic() - began < 5
            assert await connection.fetchval("SELECT 1") == 1
            assert orphan.wait() is not None

    async def test_a_pid_file_that_names_a_stranger_does_not_stop_it_nor_harm_the_stranger(
        self, data: Path, runtime: Path
    ) -> None:
        server = embedded(data, runtime)
        async with started(server):
            note = (data / "postmaster.pid").read_text().splitlines()
        with a_stranger() as stranger:
            put(data / "postmaster.pid", "\n".join([str(stranger.pid), *note[1:]]) + "\n")
            put(runtime / ".s.PGSQL.5432.lock", "\n".join([str(stranger.pid), *note[1:]]) + "\n")
            put(runtime / ".s.PGSQL.5432", "")
            async with started(server) as address, looking_at(address) as connection:
                assert await connection.fetchval("SELECT 1") == 1
            assert stranger.poll() is None

    @pytest.mark.parametrize("torn", ["", "12", "99999999\n", "not a number\n/x\n"])
    async def test_a_torn_pid_file_does_not_stop_it(self, data: Path, runtime: Path, torn: str) -> None:
        server = embedded(data, runtime)
        put(data / "postmaster.pid", torn)
        async with started(server) as address, looking_at(address) as connection:
            assert await connection.fetchval("SELECT 1") == 1

    async def test_half_of_a_cluster_is_made_anew(self, fresh: Path, runtime: Path) -> None:
        half = fresh.with_name("postgres.new")
        put(half / "PG_VERSION", "18\n")
        async with started(embedded(fresh, runtime)) as address, looking_at(address) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert not half.exists()


class TestWhoeverWeAre:
    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
    def test_an_ordinary_user_starts_it_too(self, runtime: Path) -> None:
        need_tool("setpriv", package="util-linux")
        runtime.chmod(0o755)
        home = runtime / "home"
        home.mkdir()
        os.chown(home, 65534, 65534)
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c"]
        if subprocess.run([*become, "import psutil"], check=False, capture_output=True).returncode != 0:
            pytest.skip("an ordinary user may not read the interpreter of these tests")
        done = subprocess.run(
            [*become, START_AND_SAY, home / "data" / "postgres", home / "run", "stop"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert (done.returncode, done.stdout.strip().isdigit()) == (0, True), done.stderr
        assert (home / "data" / "postgres" / "PG_VERSION").stat().st_uid == 65534

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
    async def test_without_user_namespaces_root_runs_it_as_another_user_and_back(
        self, data: Path, runtime: Path
    ) -> None:
        other = as_another_user()
        assert other is not None
        for way in (other, None, other):
            server = EmbeddedServer(data, runtime_dir=runtime, clock=SystemClock(), launch_as=way)
            async with started(server) as address, looking_at(address) as connection:
                assert await connection.fetchval("SELECT current_user::text") == "alphaplus"

    @pytest.mark.skipif(os.getuid() != 0, reason="only root needs it")
    def test_in_a_namespace_the_files_stay_ours(self) -> None:
        way = in_a_namespace()
        if way is None:
            pytest.skip("this system has no user namespaces for us")
        assert way.owner == os.getuid()


async def test_a_server_that_ends_at_once_is_quoted_with_what_it_complained_of(data: Path, runtime: Path) -> None:
    for file in (data / "pg_wal").glob("0*"):
        file.unlink()
    server = embedded(data, runtime)
    with pytest.raises(StoreUnavailable, match=r"ended at once: .*(PANIC|FATAL): .*checkpoint record"):
        await server.start()
    await server.stop()
