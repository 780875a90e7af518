"""Connections for one kind of work, each use with a deadline that also a frozen server cannot stretch."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from msgspec import Struct

from alphaplus_tui.errors import AlphaPlusError, CircuitOpen, DeadlineExceeded, StoreUnavailable
from alphaplus_tui.kernel.breaker import Breaker
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.storage.failures import FAILURES, translated

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    _AnyPool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    RawConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_CLOSE_WITHIN_S = 1.0


class Address(Struct, frozen=True):
    """Where a server is, in asyncpg's words; what is None comes from where libpq would look."""

    dsn: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    database: str | None = None
    password: str | None = None

    def arguments(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        return f"Address(dsn={self.dsn!r}, host={self.host!r}, port={self.port!r})"


class Pool:
    """At most ``size`` connections, made when needed and made anew when they broke.

    ``async with pool.connection(deadline_s=2) as connection`` raises ``StoreUnavailable``, ``DeadlineExceeded`` or
    ``FatalError``. After several failures in a row callers are turned away at once, for up to half a second.
    """

    def __init__(self, name: str, *, size: int, clock: Clock, session: dict[str, str]) -> None:
        self.name = name
        self._size, self._session = size, session
        self._address: Address | None = None
        self._pool: _AnyPool | None = None
        self._breaker = Breaker(
            f"database ({name})",
            clock=clock,
            fail_after=3,
            open_for_s=0.25,
            longest_open_s=0.5,
            counts=(StoreUnavailable, DeadlineExceeded),
        )

    @property
    def is_open(self) -> bool:
        return self._address is not None

    def open(self, address: Address) -> None:
        """Use the server at ``address`` from now on; nothing is connected yet."""
        self._drop()
        self._address = address

    async def close(self) -> None:
        self._address = None
        if self._pool is not None:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await self._pool.close()
            self._drop()

    @asynccontextmanager
    async def connection(self, *, deadline_s: float) -> "AsyncGenerator[Connection, None]":
        """One connection; whoever overruns ``deadline_s`` loses it."""
        doing, address = f"database ({self.name})", self._address
        if address is None:  # no failure of a server: once there is one, nobody is turned away for it
            raise StoreUnavailable(f"{doing}: not connected")
        try:
            async with self._breaker, _ours(doing):
                pool = await self._connected(address)
                async with asyncio.timeout(deadline_s), _lent(pool, deadline_s) as connection:
                    yield connection
        except CircuitOpen as error:
            raise StoreUnavailable(str(error)) from error

    async def _connected(self, address: Address) -> "_AnyPool":
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                **address.arguments(),
                min_size=0,
                max_size=self._size,
                timeout=2.0,
                init=prepare,
                reset=_leave_as_it_is,
                server_settings=session_settings(self._session),
            )
        return await self._pool

    def _drop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()


@asynccontextmanager
async def _lent(pool: "_AnyPool", deadline_s: float) -> "AsyncGenerator[Connection, None]":
    """A connection of the pool, which is closed where whoever had it broke off in the middle."""
    connection = await pool.acquire(timeout=deadline_s)
    try:
        yield connection
    except BaseException as error:
        # closing politely would wait for a server that may be frozen
        if not isinstance(error, AlphaPlusError) or connection.is_in_transaction():
            with contextlib.suppress(*FAILURES):  # it is no longer ours where the pool was dropped
                connection.terminate()
        raise
    finally:
        await pool.release(connection, timeout=1.0)


@asynccontextmanager
async def single(
    address: Address, *, deadline_s: float, session: dict[str, str]
) -> "AsyncGenerator[RawConnection, None]":
    """One connection of its own, outside every pool."""
    async with _ours("database"), asyncio.timeout(deadline_s):
        connection = await asyncpg.connect(
            **address.arguments(), timeout=min(5.0, deadline_s), server_settings=session_settings(session)
        )
        try:
            await prepare(connection)
            yield connection
        except (asyncio.CancelledError, TimeoutError):
            connection.terminate()
            raise
        finally:
            with contextlib.suppress(*FAILURES):
                await connection.close(timeout=1.0)


def session_settings(more: dict[str, str]) -> dict[str, str]:
    return {"application_name": "alphaplus", "timezone": "UTC", "client_min_messages": "warning", **more}


async def prepare(connection: "Connection") -> None:
    """Let times travel as the integers they are: microseconds since 2000."""
    await connection.set_type_codec("timestamptz", schema="pg_catalog", encoder=_wrap, decoder=_unwrap, format="tuple")


@asynccontextmanager
async def _ours(doing: str) -> AsyncGenerator[None, None]:
    try:
        yield
    except FAILURES as error:
        raise translated(error, doing) from error


async def _leave_as_it_is(_connection: "Connection") -> None:
    """Every use ends its transaction and sets nothing: nothing to undo, and a round trip saved."""


def _wrap(us: int) -> tuple[int]:
    return (us,)


def _unwrap(value: tuple[int]) -> int:
    return value[0]
