"""The tables in a TimescaleDB, of either edition: the one that ALPHAPLUS_TEST_TIMESCALE_URL names."""

import itertools
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.resampling import resampled
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.stored_candles import newest_candles
from alphaplus_tui.storage import candle_rows, timescale, writer
from alphaplus_tui.storage.database import PostgresDatabase
from tests.integration.storage.server import connected, database_at

NOON = 1_733_054_400 * SECOND_NS
"""2024-12-01 12:00 UTC."""
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
M1, H1 = Timeframe("1m"), Timeframe("1h")
_numbers = itertools.count(1)


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    """An empty database with the extension."""
    server = os.environ.get("ALPHAPLUS_TEST_TIMESCALE_URL", "")
    if not server:
        pytest.skip("no TimescaleDB to test with: ALPHAPLUS_TEST_TIMESCALE_URL names a database of one")
    name = f"alphaplus_test_{os.getpid()}_{next(_numbers)}"
    async with connected(server) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    address, _, options = server.partition("?")
    fresh = f"{address.rpartition('/')[0]}/{name}?{options}"
    async with connected(fresh) as connection:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    yield fresh
    async with connected(server) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(url: str, tmp_path: Path) -> AsyncGenerator[PostgresDatabase]:
    async with database_at(url, tmp_path) as made:
        await made.connect()
        await made.writer.register([BTC])
        yield made


@pytest.fixture
async def community(url: str, database: PostgresDatabase) -> None:
    async with connected(url) as connection:
        if await timescale.edition(connection) != "timescale":
            pytest.skip("the Apache-licensed edition has neither columnstore nor continuous aggregates")


def trade(seq: int, *, day: int = 0, origin: Provenance = Provenance.LIVE) -> Trade:
    ts = NOON + day * DAY_NS + seq * SECOND_NS
    return Trade(BTC.id, str(seq), seq, 100.0, 1.0, Side.BUY, ts, ts, origin)


def minute(number: int) -> Candle:
    prices = (100.0 + number % 7, 110.0 + number % 11, 90.0 - number % 5, 100.0 + number % 3)
    return Candle(BTC.id, M1, NOON + number * MINUTE_NS, *prices, 1.5, trades=3, buy_volume=0.5)


async def chunks(url: str, table: str) -> int:
    async with connected(url) as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = $1", table
        )


async def compress(url: str, table: str) -> None:
    async with connected(url) as connection:
        await connection.execute(
            f"SELECT compress_chunk(chunk, if_not_compressed => true) FROM show_chunks('{table}') AS chunk"
        )


class TestSetUp:
    async def test_the_large_tables_are_hypertables_and_said_to_be(self, url: str, database: PostgresDatabase) -> None:
        await database.writer.write(Batch(trades=(trade(1), trade(2, day=3)), candles=(minute(0),)))
        assert await chunks(url, "trades") == 2
        found = await database.statistics()
        assert (found.kind, found.rows["trades"], found.rows["candles"]) == ("timescaledb", 2, 1)
        assert found.layout.startswith("hypertables")

    async def test_it_can_be_done_again_and_keeps_what_is_there(self, url: str, database: PostgresDatabase) -> None:
        await database.writer.write(Batch(trades=(trade(1),)))
        async with connected(url) as connection:
            jobs = await connection.fetchval("SELECT count(*) FROM timescaledb_information.jobs")
            await timescale.set_up(connection)
            await timescale.set_up(connection)
            assert await connection.fetchval("SELECT count(*) FROM timescaledb_information.jobs") == jobs
        assert len(await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=9)) == 1

    async def test_rows_that_lie_in_partitions_already_stay_there(self, url: str, tmp_path: Path) -> None:
        async with connected(url) as connection:
            await connection.execute("DROP EXTENSION timescaledb CASCADE")
        async with database_at(url, tmp_path) as before:
            await before.connect()
            await before.writer.register([BTC])
            await before.writer.write(Batch(trades=(trade(1),)))
        async with connected(url) as connection:
            await connection.execute("CREATE EXTENSION timescaledb")
        async with database_at(url, tmp_path) as after:
            await after.connect()
            await after.writer.write(Batch(trades=(trade(2),), candles=(minute(0),)))
            assert len(await after.reader.trades(BTC.id, start=0, end=2 * NOON, limit=9)) == 2
            assert (await after.statistics()).layout == "time partitions"
        assert await chunks(url, "candles") == 1, "the empty ones become hypertables"

    async def test_each_edition_gets_what_it_has(self, url: str, database: PostgresDatabase) -> None:
        layout = (await database.statistics()).layout
        async with connected(url) as connection:
            if await timescale.edition(connection) == "timescale":
                assert layout.endswith("5 continuous aggregates")
                jobs = await connection.fetch("SELECT proc_name FROM timescaledb_information.jobs")
                procedures = [row["proc_name"] for row in jobs]
                assert procedures.count("policy_compression") == 2
                assert procedures.count("policy_refresh_continuous_aggregate") == 5
            else:
                assert layout == "hypertables; this edition has no columnstore and no continuous aggregates"


class TestRetention:
    async def test_whole_chunks_are_dropped_but_those_with_imported_rows_are_kept(
        self, url: str, database: PostgresDatabase
    ) -> None:
        old = (trade(1, day=-40), trade(2, day=-39), trade(3, day=-39, origin=Provenance.IMPORTED), trade(4))
        await database.writer.write(Batch(trades=old))
        assert await chunks(url, "trades") == 3
        pruned = await database.writer.prune(NOON, trades_days=30, candles_days=0)
        assert pruned["trades"] == 2
        assert await chunks(url, "trades") == 2
        left = await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=9)
        assert [one.seq for one in left] == [3, 4]

    @pytest.mark.usefixtures("community")
    async def test_the_columnstore_forgets_too(self, url: str, database: PostgresDatabase) -> None:
        old = (trade(1, day=-40), trade(2, day=-39), trade(3, day=-39, origin=Provenance.IMPORTED), trade(4))
        await database.writer.write(Batch(trades=old))
        await compress(url, "trades")
        assert (await database.writer.prune(NOON, trades_days=30, candles_days=0))["trades"] == 2
        left = await database.reader.trades(BTC.id, start=0, end=2 * NOON, limit=9)
        assert [one.seq for one in left] == [3, 4]


@pytest.mark.usefixtures("community")
class TestColumnstore:
    async def test_late_trades_come_in_whole_beside_duplicates(self, url: str, database: PostgresDatabase) -> None:
        await database.writer.write(Batch(trades=tuple(trade(seq) for seq in range(0, 3_000, 3))))
        await compress(url, "trades")
        late = tuple(trade(seq) for seq in range(3_000))
        written = await database.writer.write(Batch(trades=late))
        assert (written.rows, written.duplicates) == ({"trades": 2_000}, {"trades": 1_000})
        async with connected(url) as connection:
            assert await connection.fetchval("SELECT count(*) FROM trades") == 3_000
        again = await database.writer.write(Batch(trades=late))
        assert again.rows == {"trades": 0}

    async def test_a_write_that_left_some_out_is_completed(
        self, url: str, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a release does that stops at the first conflict."""
        await database.writer.write(Batch(trades=(trade(1),)))
        await compress(url, "trades")
        stops = writer.NEW_TRADES.replace("FROM incoming_trades", "FROM incoming_trades WHERE seq < 10")
        monkeypatch.setattr(writer, "NEW_TRADES", stops)
        written = await database.writer.write(Batch(trades=tuple(trade(seq) for seq in range(1, 21))))
        assert written.rows == {"trades": 19}
        async with connected(url) as connection:
            assert await connection.fetchval("SELECT count(*) FROM trades") == 20

    async def test_candles_are_corrected_and_added_where_others_are_columns(
        self, url: str, database: PostgresDatabase
    ) -> None:
        await database.writer.write(Batch(candles=tuple(map(minute, range(0, 600, 2)))))
        await compress(url, "candles")
        corrected = structs.replace(minute(4), close=77.0, low=70.0, revision=2)
        late = (*(minute(n) for n in range(600) if n != 4), corrected)
        written = await database.writer.write(Batch(candles=late))
        assert written.rows == {"candles": 301}
        found = await database.reader.candles(BTC.id, M1, start=0, end=2 * NOON, limit=1_000)
        assert len(found) == 600
        assert found[4].close == 77.0

    async def test_a_write_of_candles_that_left_some_out_is_completed(
        self, url: str, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await database.writer.write(Batch(candles=(minute(0),)))
        await compress(url, "candles")
        stops = candle_rows.NEW_CANDLES.replace("AS given  ORDER", "AS given WHERE place < 10 ORDER")
        assert stops != candle_rows.NEW_CANDLES
        monkeypatch.setattr(candle_rows, "NEW_CANDLES", stops)
        written = await database.writer.write(Batch(candles=tuple(map(minute, range(20)))))
        assert written.rows == {"candles": 19}
        assert len(await database.reader.candles(BTC.id, M1, start=0, end=2 * NOON, limit=1_000)) == 20

    async def test_statistics_count_what_is_compressed(self, url: str, database: PostgresDatabase) -> None:
        await database.writer.write(Batch(trades=tuple(map(trade, range(500)))))
        await compress(url, "trades")
        found = await database.statistics()
        assert found.rows["trades"] == 500
        assert "1 of them in the columnstore" in found.layout


@pytest.mark.usefixtures("community")
class TestAggregates:
    @pytest.mark.parametrize("refreshed", [False, True])
    async def test_longer_candles_are_those_that_resampling_makes(
        self, url: str, database: PostgresDatabase, refreshed: bool
    ) -> None:
        minutes = [minute(n) for n in range(-60, 600) if n != 130]
        minutes[200] = structs.replace(minutes[200], complete=False, trades=None)
        await database.writer.write(Batch(candles=tuple(minutes)))
        if refreshed:
            async with connected(url) as connection:
                await connection.execute("CALL refresh_continuous_aggregate('candles_1h', NULL, NULL)")
        for timeframe in timescale.AGGREGATED:
            found = await newest_candles(database.reader, BTC.id, timeframe, start=0, end=2 * NOON, limit=1_000)
            assert list(found) == list(resampled(minutes, timeframe)), timeframe

    async def test_a_late_correction_is_seen_after_the_refresh(self, url: str, database: PostgresDatabase) -> None:
        await database.writer.write(Batch(candles=tuple(map(minute, range(120)))))
        async with connected(url) as connection:
            await connection.execute("CALL refresh_continuous_aggregate('candles_1h', NULL, NULL)")
            await database.writer.write(Batch(candles=(structs.replace(minute(59), close=105.0, revision=1),)))
            await connection.execute("CALL refresh_continuous_aggregate('candles_1h', NULL, NULL)")
        found = await database.reader.made_candles(BTC.id, H1, M1, start=0, end=NOON + HOUR_NS, limit=9)
        assert found is not None
        assert [(one.close, one.revision, one.provenance) for one in found] == [(105.0, 1, Provenance.RESAMPLED)]
