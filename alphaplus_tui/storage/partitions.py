"""Makes the partitions of the large tables before rows for them come, and drops what is too old."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from alphaplus_tui.storage import timescale
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_LOCK = 0x416C7069
"""Of PostgreSQL's advisory locks: whoever makes or drops partitions holds it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_NS = 86_400_000_000_000
PRUNABLE = ("live", "backfilled")
"""Retention leaves what was imported or replayed alone."""


class Partitioned(Struct, frozen=True):
    """One large table and how it is cut."""

    table: str
    column: str
    unit: Literal["day", "year"]
    provenance: bool = True
    """Whether its rows say where they come from."""

    def key(self, day: int) -> int:
        """The partition of a day (counted since 1970), as a number such as 20240808 or 2024."""
        date = _EPOCH + timedelta(days=day)
        return date.year if self.unit == "year" else date.year * 10_000 + date.month * 100 + date.day

    def bounds(self, key: int) -> tuple[datetime, datetime]:
        if self.unit == "year":
            return datetime(key, 1, 1, tzinfo=UTC), datetime(key + 1, 1, 1, tzinfo=UTC)
        start = datetime(key // 10_000, key // 100 % 100, key % 100, tzinfo=UTC)
        return start, start + timedelta(days=1)

    def name(self, key: int) -> str:
        return f"{self.table}_{key}"


TRADES = Partitioned("trades", "ts", "day")
CANDLES = Partitioned("candles", "open_time", "year")
BOOKS = Partitioned("order_book_snapshots", "ts", "day", provenance=False)


class Partitions:
    """Which partitions are there, as far as this process knows."""

    def __init__(self) -> None:
        self._there: set[str] = set()
        self._needed: dict[str, bool] = {}

    def forget(self) -> None:
        """Another process dropped one: look again."""
        self._there.clear()
        self._needed.clear()

    async def ensure(self, connection: "Connection", table: Partitioned, days: Iterable[int]) -> None:
        """Let rows of ``days`` (since 1970) in. Beside the newest day the one after it is made, ahead of its time."""
        wanted = set(days)
        if not wanted:
            return
        wanted.add(max(wanted) + 1)
        missing = {key for key in map(table.key, wanted) if table.name(key) not in self._there}
        if not missing or not await self._is_needed(connection, table):
            return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            for key in sorted(missing):
                await _make(connection, table, key)
        self._there |= {table.name(key) for key in missing}

    async def prune(self, connection: "Connection", table: Partitioned, before: int) -> int:
        """Forget the prunable rows before ``before`` (UTC ns, a whole day); returns how many."""
        if not await self._is_needed(connection, table):
            return await _prune_chunks(connection, table, before)
        pruned = 0
        cut = _EPOCH + timedelta(days=before // DAY_NS)
        for key in await _keys(connection, table):
            start, end = table.bounds(key)
            if start >= cut:
                continue
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute("SET LOCAL lock_timeout = '2s'")
                pruned += await self._prune_one(connection, table, key, before, whole=end <= cut)
        return pruned

    async def is_compressed(self, connection: "Connection", table: Partitioned, first_us: int, last_us: int) -> bool:
        """Whether rows between two moments (µs since 2000) may lie in TimescaleDB's columnstore."""
        if await self._is_needed(connection, table):
            return False
        return await timescale.is_compressed(connection, table.table, first_us, last_us)

    async def _prune_one(
        self, connection: "Connection", table: Partitioned, key: int, before: int, *, whole: bool
    ) -> int:
        name = table.name(key)
        if whole:
            # nobody may write between looking and dropping
            await connection.execute(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
            rows, kept = await _count(connection, table, name)
            if not kept:
                await connection.execute(f"DROP TABLE {name}")
                self._there.discard(name)
                return rows
        return await _delete(connection, table, name, before)

    async def _is_needed(self, connection: "Connection", table: Partitioned) -> bool:
        """False where the table is TimescaleDB's, which makes its chunks itself."""
        if table.table not in self._needed:
            kind = await connection.fetchval(
                "SELECT relkind::text FROM pg_class WHERE oid = $1::text::regclass", table.table
            )
            self._needed[table.table] = bool(kind == "p")
        return self._needed[table.table]


_CHUNKS = """
SELECT range_start, range_end, format('%I.%I', chunk_schema, chunk_name) AS chunk FROM timescaledb_information.chunks
WHERE hypertable_name = $1 AND range_start < $2 ORDER BY range_start
"""


async def _prune_chunks(connection: "Connection", table: Partitioned, before: int) -> int:
    """TimescaleDB's: a chunk that holds nothing else is dropped, of others the prunable rows are deleted."""
    pruned, cut = 0, to_postgres(before)
    for start, end, chunk in await connection.fetch(_CHUNKS, table.table, cut):
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            if await connection.fetchval("SELECT to_regclass($1) IS NULL", chunk):
                continue  # another process dropped it
            # nobody may write between looking and dropping, nor TimescaleDB's own work turn the chunk into columns
            await connection.execute(f"LOCK TABLE {chunk} IN ACCESS EXCLUSIVE MODE")
            part = f"{table.table} WHERE {table.column} >= $2 AND {table.column} < $3"
            kept = "provenance::text <> ALL ($1)" if table.provenance else "cardinality($1::text[]) = 0"
            row = await connection.fetchrow(
                f"SELECT count(*) AS rows, count(*) FILTER (WHERE {kept}) AS kept FROM {part}",  # noqa: S608 - names of ours
                list(PRUNABLE),
                start,
                min(end, cut),
            )
            assert row is not None, "a query of aggregates has a row"
            if end <= cut and not row["kept"]:
                await connection.execute(
                    f"SELECT drop_chunks('{table.table}', older_than => $1::timestamptz, "
                    "newer_than => $2::timestamptz)",
                    end,
                    start,
                )
            elif row["rows"] > row["kept"]:
                await connection.execute(f"DELETE FROM {part} AND NOT ({kept})", list(PRUNABLE), start, min(end, cut))  # noqa: S608 - names of ours
            pruned += row["rows"] - row["kept"]
    return pruned


async def _make(connection: "Connection", table: Partitioned, key: int) -> None:
    """Beside the table first and attached then: that locks out nobody who reads or writes."""
    name = table.name(key)
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
        return
    start, end = (moment.isoformat() for moment in table.bounds(key))
    await connection.execute(f"CREATE TABLE {name} (LIKE {table.table} INCLUDING ALL)")
    await connection.execute(
        f"ALTER TABLE {table.table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"
    )


async def _keys(connection: "Connection", table: Partitioned) -> list[int]:
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = $1::text::regclass",
        table.table,
    )
    suffixes = [str(row["relname"]).rpartition("_")[2] for row in rows]
    return sorted(int(suffix) for suffix in suffixes if suffix.isdigit())


async def _count(connection: "Connection", table: Partitioned, name: str) -> tuple[int, int]:
    """All rows of a partition, and those that must stay."""
    if not table.provenance:
        return await connection.fetchval(f"SELECT count(*) FROM {name}"), 0  # noqa: S608 - a name of ours
    row = await connection.fetchrow(
        f"SELECT count(*) AS rows, count(*) FILTER (WHERE provenance::text <> ALL ($1)) AS kept FROM {name}",  # noqa: S608 - a name of ours
        list(PRUNABLE),
    )
    return (row["rows"], row["kept"]) if row else (0, 0)


async def _delete(connection: "Connection", table: Partitioned, name: str, before: int) -> int:
    also = f" AND provenance IN {PRUNABLE!r}" if table.provenance else ""
    done = await connection.execute(
        f"DELETE FROM {name} WHERE {table.column} < $1{also}",  # noqa: S608 - names of ours
        to_postgres(before),
    )
    return int(done.rpartition(" ")[2])
