"""Shares instruments among several AlphaPlus on one database: each is followed by whoever holds its lock there."""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import asyncpg

from alphaplus_tui.storage.failures import FAILURES, translated
from alphaplus_tui.storage.pool import Address, session_settings

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import RawConnection

_MEMBERS = 0x414C5048
"""First key of the locks by which members know each other."""
_DEADLINE_S = 2.0
_SESSION = {
    # a member that freezes, or whose machine is gone, loses its locks: it looks every second
    "idle_session_timeout": "5s",
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
_WHO = """
SELECT objid::bigint AS member FROM pg_locks
WHERE locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY member
"""
_TAKE = "SELECT key FROM unnest($1::bigint[]) AS key WHERE pg_try_advisory_lock(key)"
_GIVE_BACK = "SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS key"


class Ownership:
    """One member. ``look`` about once a second, and ``give_back`` what is not followed any more.

    Members divide the sorted instruments among them like cards; all must be given the same ones. Locks are the
    session's, so that they end with the process, wherever it runs.
    """

    def __init__(self, address: Address, instruments: Sequence[str], *, rng: Random) -> None:
        self._address = address
        self._keys = {name: _key(name) for name in sorted(set(instruments))}
        self.member = rng.randrange(1, 2**31)
        self._connection: RawConnection | None = None
        self._held: set[str] = set()
        self._mine: frozenset[str] = frozenset()

    async def look(self) -> frozenset[str]:
        """What is ours to follow now.

        ``StoreUnavailable`` and ``DeadlineExceeded`` while the database is away: what was ours stays so until it is
        back, as nobody else can take it either. ``FatalError`` where trying again cannot help.
        """
        try:
            async with asyncio.timeout(_DEADLINE_S):
                connection = await self._connected()
                members = [int(row["member"]) for row in await connection.fetch(_WHO, _MEMBERS)]
                self._mine = frozenset(_dealt(list(self._keys), members, self.member))
                wanted = self._mine - self._held
                if wanted:
                    taken = {int(row["key"]) for row in await connection.fetch(_TAKE, [self._keys[n] for n in wanted])}
                    self._held |= {name for name in wanted if self._keys[name] in taken}
        except FAILURES as error:
            self._drop()
            raise translated(error, "sharing instruments") from error
        return self._mine & self._held

    async def give_back(self, following: frozenset[str]) -> None:
        """Let the others have what is theirs by now and not followed here any more."""
        theirs = self._held - self._mine - following
        if not theirs or self._connection is None:
            return
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._connection.execute(_GIVE_BACK, [self._keys[name] for name in theirs])
        except FAILURES as error:
            self._drop()
            raise translated(error, "sharing instruments") from error
        self._held -= theirs

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            with contextlib.suppress(*FAILURES):
                await connection.close(timeout=1.0)

    async def _connected(self) -> "RawConnection":
        if self._connection is None or self._connection.is_closed():
            self._held.clear()  # they ended with the session
            self._connection = await asyncpg.connect(
                **self._address.arguments(), timeout=_DEADLINE_S, server_settings=session_settings(_SESSION)
            )
            await self._connection.execute("SELECT pg_advisory_lock_shared($1, $2)", _MEMBERS, self.member)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            connection.terminate()


def _dealt(instruments: Sequence[str], members: Sequence[int], member: int) -> list[str]:
    """The share of ``member``; everything where it is alone."""
    if member not in members:
        return []
    place = members.index(member)
    return [name for number, name in enumerate(instruments) if number % len(members) == place]


def _key(name: str) -> int:
    """Of an instrument's lock, a signed 64-bit number."""
    digest = hashlib.blake2b(f"alphaplus instrument {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
