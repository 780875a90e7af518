"""The database as a whole: the server where it is ours, the pools, the tables, the writer and the reader."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from alphaplus_tui.errors import DeadlineExceeded, StoreUnavailable, TransientError
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.store import DatabaseStatistics
from alphaplus_tui.settings.sections import DatabaseSettings
from alphaplus_tui.storage import timescale
from alphaplus_tui.storage.embedded import EmbeddedServer, ServerAddress, join_address
from alphaplus_tui.storage.known import KnownInstruments
from alphaplus_tui.storage.migrate import migrate
from alphaplus_tui.storage.pool import Address, Pool, single
from alphaplus_tui.storage.reader import PostgresReader
from alphaplus_tui.storage.writer import PostgresWriter

_LOOK_DEADLINE_S = 2.0
"""For what the screens ask."""
_MIGRATE_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.1
"""How soon a server that ended is noticed."""
_PING_EVERY_S = 1.0
_RETRY_S = (0.1, 0.2, 0.5, 1.0)
_WRITERS = 2
_NEVER = "the database is not connected yet"


class PostgresDatabase:
    """``async with`` it, have ``run`` supervised, or ``connect`` once; until then every call is StoreUnavailable.

    Entering needs no server; leaving closes the pools and stops the server that this one started.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        data_dir: Path,
        runtime_dir: Path,
        clock: Clock,
        meters: Meters,
        join: bool = False,
        server: EmbeddedServer | None = None,
    ) -> None:
        """join: with a running engine in this data folder, use its embedded server instead of starting one.

        server: the embedded one, where somebody may have begun to start it.
        """
        self._settings, self._clock, self._join = settings, clock, join
        self._data = data_dir
        self._server = server
        if server is None and settings.embedded:
            self._server = EmbeddedServer(data_dir, runtime_dir=runtime_dir, clock=clock)
        self._address: Address | None = None if settings.embedded else external_address(settings)
        self._unready = _NEVER
        self._known = KnownInstruments()
        look_s = min(_LOOK_DEADLINE_S, settings.statement_timeout_s)
        self._writing = Pool("writing", size=_WRITERS, clock=clock, session={"lock_timeout": "5s"})
        self._reading = Pool(
            "reading",
            size=settings.pool_max_size,
            clock=clock,
            session={"statement_timeout": f"{look_s * 1000:.0f}ms"},
        )
        self.writer = PostgresWriter(
            self._writing,
            self._known,
            meters=meters,
            deadline_s=settings.statement_timeout_s,
            unready=self._why_unready,
        )
        self.reader = PostgresReader(
            self._reading,
            self._known,
            meters=meters,
            deadline_s=look_s,
            kind="embedded" if settings.embedded else "postgresql",
            unready=self._why_unready,
        )

    @property
    def socket_dir(self) -> Path | None:
        """The folder of the embedded server's socket, once it is connected."""
        return Path(self._address.host) if self._server and self._address and self._address.host else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pools and stop the server that this one started; may be called twice."""
        self._unready = "the database is closed"
        await self._writing.close()
        await self._reading.close()
        if self._server is not None:
            await self._server.stop()

    async def connect(self, *, migrate: bool = True) -> None:
        """One attempt at everything: server, pools, tables. Raises what stands in the way."""
        await self._open()
        if migrate:
            await self.migrate()
        else:
            await self.reader.ping()
            self._unready = ""

    async def migrate(self) -> int:
        """Bring the tables up to date and return the schema's version; ``SchemaTooNew`` when they are ahead."""
        address = await self._open()
        async with single(address, deadline_s=_MIGRATE_WITHIN_S, session={"lock_timeout": "30s"}) as connection:
            version = await migrate(connection)
            await timescale.set_up(connection)
        self._unready = ""
        return version

    async def address(self) -> Address:
        """Of a server that is there, as far as that is in our hands; for whoever needs a connection of their own."""
        return await self._open()

    async def statistics(self) -> DatabaseStatistics:
        return await self.reader.statistics()

    async def run(self, on_state: Callable[[bool, str], None]) -> None:
        """Keep the server alive and the tables in order until cancelled; tells each change, and why.

        ``FatalError`` where trying again cannot help: a wrong password, tables of a newer AlphaPlus.
        """
        failures = 0
        told: tuple[bool, str] | None = None
        while True:
            try:
                await self._make_sure()
                state, failures = (True, ""), 0
            except TransientError as error:
                state, failures = (False, str(error)), failures + 1
            if state != told:
                told = state
                on_state(*state)
            if failures:
                await self._clock.sleep(_RETRY_S[min(failures, len(_RETRY_S)) - 1])
            else:
                await self._until_next_look()

    async def _make_sure(self) -> None:
        """What ``connect`` does the first time, and afterwards no more than a look."""
        if self._unready:
            await self.connect()
            return
        await self._open()
        try:
            await self.reader.ping()
        except DeadlineExceeded as error:
            raise StoreUnavailable(f"{error}; it may be frozen") from error

    async def _until_next_look(self) -> None:
        """A second, or less when our server ends."""
        if self._server is not None:
            self._server.tend()
        until = self._clock.monotonic() + _PING_EVERY_S
        while self._clock.monotonic() < until:
            if self._server is not None and self._server.pid is not None and not self._server.poll():
                return
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _open(self) -> Address:
        """The address of a server that is there, as far as that is in our hands."""
        fresh = self._address
        if self._server is not None and (fresh is None or not self._server.poll()):
            joined = join_address(self._data) if self._join else None
            fresh = _embedded(joined or await self._server.start())
        if fresh is None:
            raise StoreUnavailable(_NEVER)
        if fresh != self._address or not self._writing.is_open:
            self._address = fresh
            self._writing.open(fresh)
            self._reading.open(fresh)
        return fresh

    def _why_unready(self) -> str:
        return self._unready


def _embedded(address: ServerAddress) -> Address:
    return Address(host=str(address.socket_dir), port=address.port, user=address.user, database=address.database)


def external_address(settings: DatabaseSettings) -> Address:
    """Of the user's own PostgreSQL."""
    password = settings.password.get_secret_value() if settings.password is not None else None
    return Address(dsn=settings.url, password=password)
