"""What a store promises, asked of the real database and of the fake alike."""

import math
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import structs

from alphaplus_tui.domain.coverage import Cover, CoveredTime
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Level, OrderBook, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.errors import FatalError, StoreUnavailable, UnknownName
from alphaplus_tui.ports.store import Batch, GapRecord, LastTrade, ServiceEvent, StoreReader, StoreWriter, Written
from alphaplus_tui.storage.embedded import ServerAddress
from tests.fakes.store import FakeStore
from tests.integration.storage.server import database_at, new_database

NOON = 1_733_054_400 * SECOND_NS
"""2024-12-01 12:00 UTC."""
M1 = Timeframe("1m")
FOREVER = 4_000_000_000 * SECOND_NS
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
ETH = Instrument("binance", "ETH/USDT", "ETHUSDT", "ETH", "USDT", 0.01, 0.0001)


class Store(NamedTuple):
    writer: StoreWriter
    reader: StoreReader


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, server: ServerAddress, tmp_path: Path) -> AsyncGenerator[Store, None]:
    if request.param == "memory":
        fake = FakeStore()
        made = Store(fake, fake)
        await made.writer.register([BTC, ETH])
        yield made
        return
    async with database_at(await new_database(server), tmp_path) as database:
        await database.connect()
        made = Store(database.writer, database.reader)
        await made.writer.register([BTC, ETH])
        yield made


def trade(seq: int, *, of: Instrument = BTC, at: int | None = None, origin: Provenance = Provenance.LIVE) -> Trade:
    ts = NOON + seq * SECOND_NS + 123_456 if at is None else at
    side = Side.BUY if seq % 3 else Side.SELL
    return Trade(of.id, str(seq), seq, 61_828.01 + seq / 8, 0.00123, side, ts, NOON + seq * 1000, origin)


def candle(minute: int, *, close: float = 2.0, revision: int = 0, complete: bool = True) -> Candle:
    opened = NOON + minute * MINUTE_NS
    return Candle(BTC.id, M1, opened, 1.0, 3.0, 0.5, close, 10.25, 7, 4.5, Provenance.LIVE, revision, complete=complete)


async def trades(store: Store, of: Instrument = BTC) -> tuple[Trade, ...]:
    return await store.reader.trades(of.id, start=0, end=FOREVER, limit=100_000)


async def candles(store: Store) -> tuple[Candle, ...]:
    return await store.reader.candles(BTC.id, M1, start=0, end=FOREVER, limit=1000)


class TestTrades:
    async def test_a_trade_comes_back_digit_for_digit(self, store: Store) -> None:
        sent = [trade(1), trade(2), trade(3, origin=Provenance.BACKFILLED), trade(4, of=ETH)]
        assert await store.writer.write(Batch(trades=tuple(sent))) == Written({"trades": 4}, {"trades": 0})
        assert await trades(store) == tuple(sent[:3])
        assert await trades(store, ETH) == (sent[3],)

    async def test_the_same_trade_again_is_counted_and_not_stored_twice(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1), trade(2))))
        again = await store.writer.write(Batch(trades=(trade(2), trade(3), trade(3), trade(1))))
        assert again == Written({"trades": 1}, {"trades": 3})
        assert [t.seq for t in await trades(store)] == [1, 2, 3]

    async def test_microseconds_from_the_stream_and_milliseconds_from_rest_are_one_trade(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1, at=NOON + 5_123_000),)))
        again = await store.writer.write(Batch(trades=(trade(1, at=NOON + 5_000_000),)))
        assert again.duplicates == {"trades": 1}

    async def test_trades_of_one_millisecond_are_in_the_order_of_their_numbers(self, store: Store) -> None:
        await store.writer.write(Batch(trades=tuple(trade(seq, at=NOON) for seq in (12, 9, 10, 11))))
        assert [t.seq for t in await trades(store)] == [9, 10, 11, 12]

    async def test_pages_follow_each_other_without_a_hole(self, store: Store) -> None:
        await store.writer.write(Batch(trades=tuple(trade(seq, at=NOON + seq // 7 * SECOND_NS) for seq in range(50))))
        seen: list[int] = []
        after: int | None = None
        while page := await store.reader.trades(BTC.id, start=NOON, end=FOREVER, limit=9, after_seq=after):
            seen += [t.seq for t in page]
            after = page[-1].seq
        assert seen == list(range(50))

    async def test_the_range_holds_its_start_and_not_its_end_to_the_nanosecond(self, store: Store) -> None:
        await store.writer.write(Batch(trades=tuple(trade(n, at=NOON + 400 + n) for n in range(5))))
        found = await store.reader.trades(BTC.id, start=NOON + 401, end=NOON + 404, limit=10)
        assert [t.seq for t in found] == [1, 2, 3]

    async def test_trades_of_years_apart_fit_into_one_batch(self, store: Store) -> None:
        sent = tuple(trade(n, at=NOON - n * 400 * DAY_NS) for n in range(6))
        await store.writer.write(Batch(trades=sent))
        assert sorted(t.seq for t in await trades(store)) == [0, 1, 2, 3, 4, 5]

    async def test_the_last_trade_of_each_instrument_is_known(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1), trade(9), trade(8), trade(4, of=ETH))))
        last = await store.reader.last_trades([BTC.id, ETH.id, InstrumentId("binance:NEW/USDT")])
        assert last == {
            BTC.id: LastTrade(9, trade(9).ts_event),
            ETH.id: LastTrade(4, trade(4).ts_event),
        }

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    async def test_a_number_that_is_not_finite_is_refused_and_nothing_of_its_batch_kept(
        self, store: Store, number: float
    ) -> None:
        with pytest.raises(FatalError, match="cannot be stored"):
            await store.writer.write(Batch(trades=(trade(1), structs.replace(trade(2), price=number))))
        assert await trades(store) == ()

    async def test_an_instrument_that_nobody_registered_is_refused(self, store: Store) -> None:
        stranger = structs.replace(trade(1), instrument=InstrumentId("binance:XYZ/USDT"))
        with pytest.raises(UnknownName, match="XYZ/USDT"):
            await store.writer.write(Batch(trades=(trade(2), stranger)))
        assert await trades(store) == ()


class TestCandles:
    async def test_a_candle_comes_back_as_it_was_and_a_forming_one_is_not_stored(self, store: Store) -> None:
        bare = structs.replace(candle(1), trades=None, buy_volume=None, provenance=Provenance.FLAT)
        forming = structs.replace(candle(2), forming=True)
        written = await store.writer.write(Batch(candles=(candle(0), bare, forming)))
        assert written == Written({"candles": 2}, {"candles": 0})
        assert await candles(store) == (candle(0), bare)

    async def test_the_newest_ones_are_given_oldest_first(self, store: Store) -> None:
        await store.writer.write(Batch(candles=tuple(candle(n) for n in (3, 1, 4, 0, 2))))
        found = await store.reader.candles(BTC.id, M1, start=NOON, end=NOON + 4 * MINUTE_NS, limit=3)
        assert found == (candle(1), candle(2), candle(3))

    async def test_a_higher_revision_takes_the_place_of_a_lower_one_and_not_the_other_way(self, store: Store) -> None:
        await store.writer.write(Batch(candles=(candle(0, close=2.0),)))
        assert (await store.writer.write(Batch(candles=(candle(0, close=2.5, revision=1),)))).rows == {"candles": 1}
        late = await store.writer.write(Batch(candles=(candle(0, close=2.0),)))
        assert late == Written({"candles": 0}, {"candles": 1})
        assert await candles(store) == (candle(0, close=2.5, revision=1),)

    async def test_a_whole_candle_takes_the_place_of_a_part_whatever_its_revision(self, store: Store) -> None:
        await store.writer.write(Batch(candles=(candle(0, revision=2, complete=False),)))
        await store.writer.write(Batch(candles=(candle(0, close=2.5),)))
        assert await candles(store) == (candle(0, close=2.5),)

    async def test_an_older_part_does_not_take_the_place_of_a_newer_part(self, store: Store) -> None:
        await store.writer.write(Batch(candles=(candle(0, close=2.5, revision=2, complete=False),)))
        await store.writer.write(Batch(candles=(candle(0, revision=1, complete=False),)))
        assert await candles(store) == (candle(0, close=2.5, revision=2, complete=False),)

    async def test_several_corrections_of_one_candle_in_a_batch_leave_the_last(self, store: Store) -> None:
        several = (candle(0), candle(0, close=2.1, revision=2), candle(0, close=2.2, revision=1))
        assert await store.writer.write(Batch(candles=several)) == Written({"candles": 1}, {"candles": 2})
        assert await candles(store) == (several[1],)


class TestTheRest:
    async def test_a_gap_is_open_until_nothing_is_missing(self, store: Store) -> None:
        gap = GapRecord(BTC.id, 10, 19, 10, "", NOON, NOON)
        await store.writer.write(Batch(gaps=(gap,)))
        assert await store.reader.open_gaps() == (gap,)
        half = structs.replace(gap, missing=4, reason="not served", changed_at=NOON + SECOND_NS)
        await store.writer.write(Batch(gaps=(half, gap)))
        assert await store.reader.open_gaps() == (half,)
        closed = structs.replace(gap, missing=0, changed_at=NOON + 2 * SECOND_NS)
        await store.writer.write(Batch(gaps=(closed,)))
        assert await store.reader.open_gaps() == ()

    async def test_order_books_and_changes_of_services_are_stored_once(self, store: Store) -> None:
        book = OrderBook(BTC.id, (Level(1.0, 2.0), Level(0.9, 1.0)), (Level(1.1, 3.0),), 77, NOON, NOON)
        change = ServiceEvent("ingestion", "RUNNING", "", NOON)
        batch = Batch(books=(book,), service_events=(change,))
        assert (await store.writer.write(batch)).rows == {"order_book_snapshots": 1, "service_events": 1}
        assert (await store.writer.write(batch)).rows == {"order_book_snapshots": 0, "service_events": 0}

    async def test_a_whole_batch_written_again_changes_nothing(self, store: Store) -> None:
        batch = Batch(
            trades=(trade(1), trade(2)), candles=(candle(0),), gaps=(GapRecord(BTC.id, 5, 6, 2, "", NOON, NOON),)
        )
        first = await store.writer.write(batch)
        again = await store.writer.write(batch)
        assert sum(first.rows.values()) == 4
        assert (sum(again.rows.values()), sum(again.duplicates.values())) == (0, 4)

    async def test_an_empty_batch_is_nothing(self, store: Store) -> None:
        assert sum((await store.writer.write(Batch())).rows.values()) == 0

    async def test_instruments_are_registered_anew_without_a_twin(self, store: Store) -> None:
        finer = structs.replace(BTC, price_step=0.001)
        await store.writer.register([finer, ETH])
        assert await store.reader.instruments() == (finer, ETH)

    async def test_the_statistics_count_the_rows(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1), trade(2)), candles=(candle(0),)))
        rows = (await store.reader.statistics()).rows
        assert (rows["instruments"], rows["trades"], rows["candles"], rows["coverage"]) == (2, 2, 1, 2)
        assert await store.reader.ping() >= 0.0


async def covered(store: Store, of: Instrument = BTC, timeframe: str = "") -> list[tuple[int, int, str]]:
    """First and last number, and how they came."""
    rows = await store.reader.coverage([of.id], start=0, end=FOREVER, limit=1000)
    return [(row.first_seq, row.last_seq, row.cover.value) for row in rows if row.timeframe == timeframe]


class TestCoverage:
    async def test_trades_that_follow_each_other_are_one_stretch_from_the_first_to_the_last(self, store: Store) -> None:
        for first in (1, 4, 7):
            await store.writer.write(Batch(trades=tuple(trade(seq) for seq in range(first, first + 3))))
        (row,) = await store.reader.coverage([], start=0, end=FOREVER, limit=10)
        assert (row.instrument, row.timeframe, row.cover, row.first_seq, row.last_seq) == (BTC.id, "", Cover.LIVE, 1, 9)
        assert (row.start // SECOND_NS, row.end // SECOND_NS) == (NOON // SECOND_NS + 1, NOON // SECOND_NS + 9)

    async def test_what_was_skipped_is_a_hole_until_it_is_fetched_and_shows_as_such(self, store: Store) -> None:
        gap = GapRecord(BTC.id, 4, 6, 3, "", NOON, NOON, trade(3).ts_event, trade(7).ts_event)
        live = tuple(trade(seq) for seq in (1, 2, 3, 7, 8))
        await store.writer.write(Batch(trades=live, gaps=(gap,)))
        assert await covered(store) == [(1, 3, "live"), (4, 6, "gap"), (7, 8, "live")]
        fetched = tuple(trade(seq, origin=Provenance.BACKFILLED) for seq in (4, 5, 6))
        await store.writer.write(Batch(trades=fetched[:2]))
        assert await covered(store) == [(1, 3, "live"), (4, 6, "gap"), (4, 5, "backfilled"), (7, 8, "live")]
        await store.writer.write(Batch(trades=(*fetched[2:], trade(9))))
        assert await covered(store) == [(1, 3, "live"), (4, 6, "backfilled"), (7, 9, "live")]
        assert await store.reader.open_gaps() == ()

    async def test_an_older_word_about_a_gap_that_is_covered_by_now_opens_nothing(self, store: Store) -> None:
        gap = GapRecord(BTC.id, 2, 2, 1, "", NOON, NOON, trade(1).ts_event, trade(3).ts_event)
        await store.writer.write(Batch(trades=(trade(1), trade(2), trade(3))))
        await store.writer.write(Batch(gaps=(gap,)))
        assert await store.reader.open_gaps() == ()
        assert await covered(store) == [(1, 3, "live")]

    async def test_trades_out_of_order_or_twice_change_nothing_in_the_end(self, store: Store) -> None:
        for batch in ((5, 7, 6), (1, 2, 2), (4, 3, 8), (1, 2, 3, 4, 5, 6, 7, 8), (3, 9)):
            await store.writer.write(Batch(trades=tuple(trade(seq) for seq in batch)))
        await store.writer.write(Batch(trades=tuple(trade(n, origin=Provenance.BACKFILLED) for n in range(1, 12))))
        assert await covered(store) == [(1, 9, "live"), (10, 11, "backfilled")]

    async def test_a_venue_that_counts_anew_is_not_taken_for_what_was_there_before(self, store: Store) -> None:
        await store.writer.write(Batch(trades=tuple(trade(seq) for seq in range(1, 6))))
        later = tuple(trade(seq, at=NOON + DAY_NS + seq * SECOND_NS) for seq in range(3, 9))
        await store.writer.write(Batch(trades=later[:4]))
        await store.writer.write(Batch(trades=later[4:]))
        assert await covered(store) == [(1, 5, "live"), (3, 8, "live")]

    async def test_instruments_do_not_mix(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1), trade(2, of=ETH), trade(2), trade(3, of=ETH))))
        await store.writer.write(Batch(trades=(trade(3), trade(4, of=ETH))))
        assert (await covered(store), await covered(store, ETH)) == ([(1, 3, "live")], [(2, 4, "live")])

    async def test_candles_are_covered_by_how_they_came_and_incomplete_ones_are_not(self, store: Store) -> None:
        fetched = tuple(structs.replace(candle(n), provenance=Provenance.BACKFILLED) for n in range(3))
        await store.writer.write(Batch(candles=(*fetched, candle(3), candle(4), candle(5, complete=False), candle(6))))
        first = candle(0).open_time // MINUTE_NS
        spans = [(0, 2, "backfilled"), (3, 4, "live"), (6, 6, "live")]
        assert await covered(store, timeframe="1m") == [(first + a, first + b, how) for a, b, how in spans]
        rows = await store.reader.coverage([], start=0, end=FOREVER, limit=10)
        assert [(row.start, row.end) for row in rows][1] == (candle(3).open_time, candle(4).close_time)
        mended = structs.replace(candle(5, revision=1), provenance=Provenance.BACKFILLED)
        await store.writer.write(Batch(candles=(mended, candle(1, revision=1))))
        spans = [(0, 0, "backfilled"), (1, 1, "live"), (2, 2, "backfilled"), (3, 4, "live"), (5, 5, "backfilled")]
        expected = [(first + a, first + b, how) for a, b, how in [*spans, (6, 6, "live")]]
        assert await covered(store, timeframe="1m") == expected
        await store.writer.write(Batch(candles=(candle(4, revision=2, complete=False),)))
        assert (first + 3, first + 3, "live") in await covered(store, timeframe="1m")

    async def test_without_numbers_what_somebody_knows_to_be_whole_is_covered(self, store: Store) -> None:
        sol = Instrument("bybit", "SOL/USDT", "SOLUSDT", "SOL", "USDT", 0.01, 0.01, numbered=False)
        await store.writer.register([sol])
        alike = tuple(structs.replace(trade(n, of=sol), trade_id=f"x{n}", seq=trade(n).ts_event) for n in range(5))
        await store.writer.write(Batch(trades=alike))
        assert await covered(store, sol) == []
        for first in range(4):
            span = CoveredTime(sol.id, alike[first].ts_event, alike[first + 1].ts_event, Cover.LIVE)
            await store.writer.write(Batch(covered=(span,)))
        assert await covered(store, sol) == [(alike[0].ts_event, alike[4].ts_event, "live")]
        later = structs.replace(alike[4], trade_id="x9", ts_event=alike[4].ts_event + SECOND_NS)
        await store.writer.write(Batch(trades=(structs.replace(later, seq=later.ts_event),)))
        whole_until = alike[4].ts_event
        assert await store.reader.last_trades([sol.id]) == {sol.id: LastTrade(whole_until, whole_until)}
        assert [i.numbered for i in await store.reader.instruments() if i.id == sol.id] == [False]

    async def test_a_span_of_time_and_some_instruments_can_be_asked_for(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1), trade(2), trade(5), trade(9), trade(1, of=ETH))))
        rows = await store.reader.coverage([BTC.id], start=trade(4).ts_event, end=trade(6).ts_event, limit=10)
        assert [(row.first_seq, row.last_seq) for row in rows] == [(5, 5)]
        newest = await store.reader.coverage([BTC.id], start=0, end=FOREVER, limit=2)
        assert [(row.first_seq, row.last_seq) for row in newest] == [(5, 5), (9, 9)]
        assert await store.reader.coverage([ETH.id], start=0, end=1, limit=10) == ()

    async def test_the_map_can_be_read_page_by_page_in_its_own_order(self, store: Store) -> None:
        gap = GapRecord(BTC.id, 3, 4, 2, "gone", NOON, NOON, trade(2).ts_event, trade(5).ts_event)
        stored = (trade(1), trade(2), trade(5), trade(9), trade(1, of=ETH))
        await store.writer.write(Batch(trades=stored, candles=(candle(0),), gaps=(gap,)))
        everything = await store.reader.coverage_from([], start=0, end=FOREVER, place=None, limit=10)
        told = [(row.instrument, row.timeframe, row.first_seq, row.cover) for row in everything]
        assert told == [
            (BTC.id, "", 1, Cover.LIVE),
            (BTC.id, "", 3, Cover.GAP),
            (BTC.id, "", 5, Cover.LIVE),
            (BTC.id, "", 9, Cover.LIVE),
            (BTC.id, "1m", candle(0).open_time // MINUTE_NS, Cover.LIVE),
            (ETH.id, "", 1, Cover.LIVE),
        ]
        for place, row in enumerate(everything):
            page = await store.reader.coverage_from([], start=0, end=FOREVER, place=row.place, limit=2)
            assert page == everything[place : place + 2]
        only = await store.reader.coverage_from([ETH.id], start=0, end=FOREVER, place=None, limit=10)
        assert only == everything[5:]
        await store.writer.write(Batch(trades=(trade(3), trade(4))))
        rows = await store.reader.coverage_from([BTC.id], start=0, end=FOREVER, place=None, limit=10)
        assert not any(row.cover is Cover.GAP for row in rows)

    async def test_what_is_pruned_is_covered_no_more(self, store: Store) -> None:
        days = tuple(trade(n, at=NOON + n * DAY_NS) for n in range(6))
        await store.writer.write(Batch(trades=days))
        await store.writer.prune(NOON + 5 * DAY_NS, trades_days=2, candles_days=0)
        assert await covered(store) == [(3, 5, "live")]
        await store.writer.write(Batch(trades=(trade(6, at=NOON + 6 * DAY_NS),)))
        assert await covered(store) == [(3, 6, "live")]

    async def test_after_a_day_it_is_forgotten_which_part_was_fetched_later_but_not_what_is_missing(
        self, store: Store
    ) -> None:
        live = tuple(trade(seq) for seq in (1, 2, 5, 6, 9))
        fetched = tuple(trade(seq, origin=Provenance.BACKFILLED) for seq in (3, 4))
        await store.writer.write(Batch(trades=(*live, *fetched), candles=(candle(0), candle(1))))
        before = await covered(store)
        await store.writer.prune(NOON + DAY_NS // 2, trades_days=30, candles_days=0)
        assert await covered(store) == before
        assert (3, 4, "backfilled") in before
        await store.writer.prune(NOON + 2 * DAY_NS, trades_days=30, candles_days=0)
        assert await covered(store) == [(1, 6, "live"), (9, 9, "live")]
        await store.writer.write(Batch(trades=(trade(10), trade(7))))
        assert await covered(store) == [(1, 7, "live"), (9, 10, "live")]
        assert len(await covered(store, timeframe="1m")) == 1


class TestPruning:
    async def test_whole_days_of_what_was_recorded_go_and_what_was_imported_stays(self, store: Store) -> None:
        ages = (0, 1, 2, 3, 40)
        recorded = [trade(age, at=NOON - age * DAY_NS) for age in ages]
        imported = trade(100, at=NOON - 3 * DAY_NS, origin=Provenance.IMPORTED)
        await store.writer.write(Batch(trades=(*recorded, imported)))
        pruned = await store.writer.prune(NOON, trades_days=2, candles_days=0)
        assert pruned == {"trades": 2, "order_book_snapshots": 0}
        assert sorted(t.seq for t in await trades(store)) == [0, 1, 2, 100]

    async def test_candles_within_a_year_are_pruned_to_the_day(self, store: Store) -> None:
        day = DAY_NS // MINUTE_NS
        await store.writer.write(Batch(candles=tuple(candle(-age * day) for age in (0, 5, 9, 10, 11, 800))))
        pruned = await store.writer.prune(NOON, trades_days=0, candles_days=9)
        assert pruned == {"candles": 3}
        assert [c.open_time for c in await candles(store)] == [NOON - age * DAY_NS for age in (9, 5, 0)]

    async def test_rows_that_were_pruned_can_be_written_again(self, store: Store) -> None:
        await store.writer.write(Batch(trades=(trade(1, at=NOON - 9 * DAY_NS),)))
        await store.writer.prune(NOON, trades_days=2, candles_days=0)
        again = await store.writer.write(Batch(trades=(trade(1, at=NOON - 9 * DAY_NS),)))
        assert again.rows == {"trades": 1}


async def test_the_fake_can_be_away_and_lose_an_answer() -> None:
    fake = FakeStore()
    await fake.register([BTC])
    fake.answers_lost = 1
    with pytest.raises(StoreUnavailable):
        await fake.write(Batch(trades=(trade(1),)))
    assert len(fake.stored_trades) == 1
    fake.available = False
    with pytest.raises(StoreUnavailable):
        await fake.write(Batch(trades=(trade(2),)))
    assert len(fake.stored_trades) == 1
