"""What a spool promises, asked of the one on disk and of the fake alike."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Level, OrderBook, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.ports.store import Batch, GapRecord, ServiceEvent, Spool
from alphaplus_tui.storage.spool import FileSpool
from tests.fakes.spool import FakeSpool

BTC = InstrumentId("binance:BTC/USDT")
ROOM = 20_000


@pytest.fixture(params=["memory", "disk"])
async def spool(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Spool, None]:
    if request.param == "memory":
        yield FakeSpool(max_bytes=ROOM)
        return
    made = FileSpool(tmp_path / "spool", max_bytes=ROOM, clock=SystemClock(), segment_bytes=2000)
    yield made
    await made.close()


def batch(number: int) -> Batch:
    """One row of every kind."""
    return Batch(
        trades=(Trade(BTC, str(number), number, 0.1 + 0.2, 1e-8, Side.SELL, 5, 6, Provenance.BACKFILLED),),
        candles=(Candle(BTC, Timeframe("1m"), 0, 1.0, 2.0, 0.5, 1.5, 9.0, None, None, Provenance.FLAT, 3),),
        gaps=(GapRecord(BTC, 1, 2, 2, "not served", 7, 8),),
        books=(OrderBook(BTC, (Level(1.0, 2.0),), (), 4, 5, 6),),
        service_events=(ServiceEvent("ingestion", "RUNNING", "", 9),),
    )


async def test_batches_come_back_as_they_were_oldest_first(spool: Spool) -> None:
    for number in range(5):
        assert await spool.append(batch(number))
    seen: list[Batch] = []
    while (found := await spool.oldest()) is not None:
        seen.append(found[1])
        await spool.done(found[0])
    assert seen == [batch(number) for number in range(5)]


async def test_the_oldest_stays_until_it_is_done(spool: Spool) -> None:
    await spool.append(batch(1))
    await spool.append(batch(2))
    assert await spool.oldest() == await spool.oldest()


async def test_each_batch_has_the_mark_that_was_told_and_later_ones_have_higher_marks(spool: Spool) -> None:
    marks = [await spool.append(batch(number)) for number in range(4)]
    assert marks == sorted(set(marks))
    for mark in marks:
        found = await spool.oldest()
        assert found is not None
        assert found[0] == mark
        await spool.done(mark)
    assert await spool.append(batch(4)) > marks[-1]


async def test_an_empty_spool_has_nothing_and_uses_nothing(spool: Spool) -> None:
    assert await spool.oldest() is None
    assert spool.bytes_used == 0


async def test_a_full_spool_keeps_nothing_more_until_there_is_room_again(spool: Spool) -> None:
    kept = 0
    while await spool.append(batch(kept)):
        kept += 1
    assert ROOM * 0.9 < spool.bytes_used <= ROOM
    for _ in range(kept):
        found = await spool.oldest()
        assert found is not None
        await spool.done(found[0])
    assert spool.bytes_used == 0
    assert await spool.append(batch(0))


async def test_a_batch_done_twice_takes_no_other_with_it(spool: Spool) -> None:
    await spool.append(batch(1))
    await spool.append(batch(2))
    found = await spool.oldest()
    assert found is not None
    await spool.done(found[0])
    await spool.done(found[0])
    left = await spool.oldest()
    assert left is not None
    assert left[1] == batch(2)


async def test_syncing_is_allowed_at_any_time(spool: Spool) -> None:
    await spool.sync()
    await spool.append(batch(1))
    await spool.sync()
    assert (await spool.oldest() or (0, None))[1] == batch(1)
