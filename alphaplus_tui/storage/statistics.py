"""What the database says of itself."""

from typing import TYPE_CHECKING

from alphaplus_tui.ports.store import DatabaseStatistics
from alphaplus_tui.storage.migrate import schema_version
from alphaplus_tui.storage.timescale import has_timescale, is_hypertable, layout

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

TABLES = (
    *("instruments", "trades", "candles", "order_book_snapshots", "coverage", "service_events"),
    *("decisions", "signals_made", "outcomes", "models", "training_runs", "sentiment", "alerts"),
)
_COUNTED_BYTES = 8 * 1024 * 1024
"""Tables up to this size are counted, larger ones estimated."""

_SIZES = """
WITH RECURSIVE parts (root, oid) AS (
    SELECT name, to_regclass(name)::oid FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL
    UNION ALL
    SELECT parts.root, inhrelid FROM pg_inherits JOIN parts ON inhparent = parts.oid
)
SELECT root, sum(pg_relation_size(c.oid))::bigint AS bytes,
       sum(CASE WHEN c.relpages > 0 AND c.reltuples > 0
                THEN c.reltuples / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::integer)
                ELSE greatest(pg_stat_get_live_tuples(c.oid), 0) END)::bigint AS estimate
FROM parts JOIN pg_class c ON c.oid = parts.oid
GROUP BY root
"""

_HYPERTABLE = "SELECT hypertable_size($1::text::regclass), approximate_row_count($1::text::regclass)"


async def statistics(connection: "Connection", kind: str) -> DatabaseStatistics:
    """kind: ``embedded`` or ``postgresql``; ``timescaledb`` is told from the extension."""
    version: str = await connection.fetchval("SHOW server_version")
    rows: dict[str, int] = {}
    timescale = await has_timescale(connection)
    for row in await connection.fetch(_SIZES, list(TABLES)):
        table, size, estimate = row["root"], row["bytes"], row["estimate"]
        if timescale and await is_hypertable(connection, table):  # the columnstore lies elsewhere
            size, estimate = await connection.fetchrow(_HYPERTABLE, table) or (size, estimate)
        counted = size <= _COUNTED_BYTES
        rows[table] = await connection.fetchval(f"SELECT count(*) FROM {table}") if counted else estimate  # noqa: S608 - a name of ours
    return DatabaseStatistics(
        version=version.partition(" ")[0],
        kind="timescaledb" if timescale else kind,
        schema_version=await schema_version(connection),
        size_bytes=await connection.fetchval("SELECT pg_database_size(current_database())"),
        rows={table: rows[table] for table in TABLES if table in rows},
        layout=await layout(connection),
    )
