"""Makes of the large tables what TimescaleDB offers, in the edition that is there; run after each migration."""

from typing import TYPE_CHECKING

from msgspec import Struct

from alphaplus_tui.domain.resampling import source_of
from alphaplus_tui.domain.timeframe import SECOND_NS, TIMEFRAMES, Timeframe, duration_ns

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_LOCK = 0x416C7068
"""Of PostgreSQL's advisory locks: whoever migrates holds it."""
AGGREGATED = tuple(map(Timeframe, ("5m", "15m", "1h", "4h", "1d")))
"""Timeframes of which a continuous aggregate makes candles, of each shorter one that is stored."""
_FRESH_H = 3
"""Hours at the end that an aggregate is not kept ready for, so that late corrections are seen at once."""
_COMMUNITY = "timescale"


class Hypertable(Struct, frozen=True):
    """A large table as TimescaleDB keeps it."""

    table: str
    column: str
    chunk_days: int
    segment_by: str = ""
    """Empty: never turned into columns."""
    order_by: str = ""
    columns_after_days: int = 0
    """Older chunks become columns; the recent ones stay rows, of which the newest are read faster."""


TABLES = (
    Hypertable("trades", "ts", 1, "instrument_id", "ts, seq, trade_id", 7),
    Hypertable("candles", "open_time", 90, "instrument_id, timeframe", "open_time", 180),
    Hypertable("order_book_snapshots", "ts", 1),
)

_COMPRESSED = """
SELECT EXISTS (
    SELECT FROM timescaledb_information.chunks
    WHERE hypertable_name = $1 AND is_compressed AND range_start <= $3 AND range_end > $2
)
"""


async def set_up(connection: "Connection") -> None:
    """Hypertables, columnstore, aggregates: whatever is missing of them. Nothing without the extension.

    Tables that hold rows in partitions, from before the extension came, stay as they are.
    """
    if not await has_timescale(connection):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute("SET LOCAL client_min_messages = error")
        for table in TABLES:
            await _make_hypertable(connection, table)
        if await edition(connection) != _COMMUNITY:
            return
        for table in TABLES:
            if table.segment_by and await is_hypertable(connection, table.table):
                await _columnstore(connection, table)
        if await is_hypertable(connection, "candles"):
            for timeframe in AGGREGATED:
                await _aggregate(connection, timeframe)


async def has_timescale(connection: "Connection") -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"))


async def edition(connection: "Connection") -> str:
    """``timescale``, or ``apache``, which has neither columnstore nor aggregates."""
    return str(await connection.fetchval("SELECT current_setting('timescaledb.license', true)"))


async def is_hypertable(connection: "Connection", table: str) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = $1)", table
        )
    )


async def layout(connection: "Connection") -> str:
    """What people are told of how the large tables are kept."""
    if not await has_timescale(connection) or not await is_hypertable(connection, "trades"):
        return "time partitions"
    if await edition(connection) != _COMMUNITY:
        return "hypertables; this edition has no columnstore and no continuous aggregates"
    rows = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed) AS columns, "
        "(SELECT count(*) FROM timescaledb_information.chunks) AS chunks, "
        "(SELECT count(*) FROM timescaledb_information.continuous_aggregates) AS aggregates"
    )
    assert rows is not None, "a query of aggregates has a row"
    return (
        f"hypertables in {rows['chunks']} chunks, {rows['columns']} of them in the columnstore; "
        f"{rows['aggregates']} continuous aggregates"
    )


def view_of(timeframe: Timeframe) -> str:
    """The continuous aggregate of a timeframe."""
    return f"candles_{timeframe}"


async def is_compressed(connection: "Connection", table: str, first_us: int, last_us: int) -> bool:
    """Whether rows between two moments (µs since 2000, both included) may lie in the columnstore."""
    return bool(await connection.fetchval(_COMPRESSED, table, first_us, last_us))


async def _make_hypertable(connection: "Connection", table: Hypertable) -> None:
    """A partitioned table cannot become it, so an equal one takes its place while there are no rows."""
    name = table.table
    kind = await connection.fetchval("SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)", name)
    if kind != "p" or await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):  # noqa: S608 - a name of ours
        return
    await connection.execute(
        f"CREATE TABLE {name}_made (LIKE {name} INCLUDING ALL); DROP TABLE {name}; "
        f"ALTER TABLE {name}_made RENAME TO {name}"
    )
    await connection.execute(
        f"SELECT create_hypertable('{name}', by_range('{table.column}', INTERVAL '{table.chunk_days} days'), "
        "create_default_indexes => false)"
    )


async def _columnstore(connection: "Connection", table: Hypertable) -> None:
    """Under the names that old and new releases know."""
    on = await connection.fetchval(
        "SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_name = $1", table.table
    )
    if not on:
        await connection.execute(
            f"ALTER TABLE {table.table} SET (timescaledb.compress, "
            f"timescaledb.compress_segmentby = '{table.segment_by}', "
            f"timescaledb.compress_orderby = '{table.order_by}')"
        )
    await connection.execute(
        f"SELECT add_compression_policy('{table.table}', INTERVAL '{table.columns_after_days} days', "
        "if_not_exists => true)"
    )


async def _aggregate(connection: "Connection", timeframe: Timeframe) -> None:
    """Candles of one instrument have each their own time: the first and the last of a span are what they are."""
    name, seconds = view_of(timeframe), duration_ns(timeframe) // SECOND_NS
    if await connection.fetchval("SELECT to_regclass($1) IS NULL", name):
        sources = ", ".join(f"'{part}'" for part in TIMEFRAMES if source_of(timeframe, [Timeframe(part)]))
        bucket = f"time_bucket(INTERVAL '{seconds} seconds', open_time)"
        await connection.execute(
            f"""
            CREATE MATERIALIZED VIEW {name}
            WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT instrument_id, timeframe, {bucket} AS opens, first(open, open_time) AS open, max(high) AS high,
                   min(low) AS low, last(close, open_time) AS close, sum(volume) AS volume,
                   sum(trades) AS trades, count(trades) AS counted, sum(buy_volume) AS buy_volume,
                   count(buy_volume) AS bought, sum(revision) AS revision, bool_and(complete) AS complete,
                   count(*) AS parts
            FROM candles WHERE timeframe IN ({sources}) GROUP BY instrument_id, timeframe, {bucket}
            WITH NO DATA
            """  # noqa: S608 - words of ours
        )
    fresh = f"INTERVAL '{_FRESH_H * 3600 + seconds} seconds'"
    await connection.execute(
        f"SELECT add_continuous_aggregate_policy('{name}', start_offset => NULL, end_offset => {fresh}, "
        "schedule_interval => INTERVAL '1 minute', if_not_exists => true)"
    )
