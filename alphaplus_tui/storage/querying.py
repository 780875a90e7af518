"""How every question to the database is asked: on the reading pool, with a deadline, measured."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.storage.instants import to_postgres
from alphaplus_tui.storage.known import KnownInstruments
from alphaplus_tui.storage.pool import Pool

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_LATEST = 253_402_300_799 * 1_000_000_000
"""The end of the year 9999, UTC ns."""


class Questioner:
    """What readers of the database have in common."""

    def __init__(
        self,
        pool: Pool,
        known: KnownInstruments,
        *,
        meters: Meters,
        deadline_s: float,
        kind: str,
        unready: Callable[[], str],
    ) -> None:
        """kind: ``embedded`` or ``postgresql``; unready: why the tables cannot be used yet, empty when they can."""
        self._pool, self._known, self._meters, self._deadline_s = pool, known, meters, deadline_s
        self._kind, self._unready = kind, unready

    @asynccontextmanager
    async def _query(
        self, label: str, *instruments: InstrumentId, need_tables: bool = True
    ) -> "AsyncGenerator[Connection, None]":
        if need_tables and (reason := self._unready()):
            raise StoreUnavailable(reason)
        started = time.perf_counter()
        async with self._pool.connection(deadline_s=self._deadline_s) as connection:
            await self._known.learn(connection, instruments)
            yield connection
        self._meters.histogram("db_query", (("query", label),)).observe(time.perf_counter() - started)


def first_us(ts_ns: int) -> int:
    """The first whole microsecond at or after ``ts_ns``, within what PostgreSQL can say."""
    return to_postgres(min(max(0, ts_ns), _LATEST) + 999)
