"""The exchange's own candles as its stream tells them: ours are held against them, and REST is hardly asked."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from alphaplus_tui.domain.events import CandleTold
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.resampling import resampled
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.services.told_candles import ToldCandles, can_tell
from tests.fakes.market_data import FakeMarketData
from tests.support import eventually
from tests.unit.services.pipeline import (
    BTC,
    FIVE_MINUTES,
    MINUTE,
    MINUTE_NS,
    START_NS,
    Pipeline,
    figures,
    running,
    some_trades,
)
from tests.unit.services.test_verification import count, heard, own_candles

EARLY_NS = 6_000_000_000
"""After the end of a candle: REST would be asked by now if nothing were told."""


def a_telling_market() -> FakeMarketData:
    market = FakeMarketData(BTC)
    market.told_timeframe = MINUTE
    return market


def questions(pipeline: Pipeline) -> list[str]:
    return [call for call in pipeline.market_data.asked if call.startswith("candles")]


def tell(pipeline: Pipeline, candles: Sequence[Candle], *, closed: bool = True) -> None:
    for candle in candles:
        pipeline.market_data.say(structs.replace(candle, provenance=Provenance.BACKFILLED, forming=not closed))


def is_theirs(pipeline: Pipeline, theirs: Candle) -> bool:
    """Whether the exchange's own candle is stored in place of ours."""
    stored = pipeline.stored_candle(theirs.open_time, theirs.timeframe)
    return (
        stored is not None
        and figures(stored) == figures(theirs)
        and stored.complete
        and stored.provenance is Provenance.BACKFILLED
    )


async def test_candles_that_equal_what_was_told_are_checked_and_nobody_is_asked() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(a_telling_market(), timeframes=(MINUTE, FIVE_MINUTES))
    theirs = own_candles(trades)
    async with running(pipeline):
        tell(pipeline, theirs[:-1])
        await heard(pipeline, trades)
        tell(pipeline, theirs[-1:])
        # the minute and the five minutes in which we came in were not ours to claim; the exchange's own stand there
        await eventually(lambda: count(pipeline, "candles_checked") == len(theirs) - 1)
        await eventually(lambda: is_theirs(pipeline, theirs[0]))
        await eventually(lambda: is_theirs(pipeline, next(resampled(theirs, FIVE_MINUTES))))
        assert count(pipeline, "candles_differed") == 0
        assert questions(pipeline) == []


async def test_what_the_stream_tells_otherwise_is_asked_of_rest_which_decides() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(a_telling_market(), timeframes=(MINUTE,))
    right = own_candles(trades)
    wrong = structs.replace(right[2], volume=right[2].volume + 1)
    pipeline.market_data.history[BTC.id, MINUTE] = right
    async with running(pipeline):
        tell(pipeline, [*right[:2], wrong, *right[3:]])
        await heard(pipeline, trades)
        await eventually(lambda: count(pipeline, "candles_checked") == len(right) - 1)
        assert count(pipeline, "candles_differed") == 0
        assert len(questions(pipeline)) == 1
        await pipeline.persistence.settled()
        stored = pipeline.stored_candle(wrong.open_time)
        assert stored is not None
        assert (figures(stored), stored.revision) == (figures(right[2]), 0)


async def test_a_difference_that_rest_confirms_is_shown_and_repaired() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(a_telling_market(), timeframes=(MINUTE,))
    theirs = own_candles(trades)
    theirs[2] = structs.replace(theirs[2], high=theirs[2].high + 1)
    pipeline.market_data.history[BTC.id, MINUTE] = theirs
    async with running(pipeline):
        tell(pipeline, theirs)
        await heard(pipeline, trades)
        await eventually(lambda: count(pipeline, "candles_differed"))
        await pipeline.persistence.settled()
        stored = pipeline.stored_candle(theirs[2].open_time)
        assert stored is not None
        assert (figures(stored), stored.revision) == (figures(theirs[2]), 1)
        (notice,) = pipeline.state.notices.values()
        assert notice.title == "Candle corrected"


async def test_rest_is_asked_for_what_the_stream_does_not_tell_in_time_and_not_before() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(a_telling_market(), timeframes=(MINUTE,))
    theirs = own_candles(trades)
    pipeline.market_data.history[BTC.id, MINUTE] = theirs
    untold = theirs[-1]
    async with running(pipeline):
        tell(pipeline, [candle for candle in theirs if candle is not untold])
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(trades[-1].seq)
        pipeline.market.advance_to(untold.close_time + EARLY_NS)
        await eventually(lambda: count(pipeline, "candles_checked") == len(theirs) - 2)
        assert questions(pipeline) == []
        pipeline.market.advance_to(untold.close_time + 15_000_000_000)
        await eventually(lambda: questions(pipeline))
        await eventually(lambda: count(pipeline, "candles_checked") == len(theirs) - 1)


async def test_where_no_candle_is_told_to_be_closed_a_later_one_ends_it_and_rest_repairs() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(a_telling_market(), timeframes=(MINUTE,))
    theirs = own_candles(trades)
    pipeline.market_data.history[BTC.id, MINUTE] = theirs
    async with running(pipeline):
        tell(pipeline, theirs, closed=False)
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(trades[-1].seq)
        pipeline.market.advance_to(theirs[-2].close_time + EARLY_NS)
        await eventually(lambda: count(pipeline, "candles_checked") == len(theirs) - 2)
        await eventually(lambda: questions(pipeline))
        await eventually(lambda: is_theirs(pipeline, theirs[0]))
        assert len(questions(pipeline)) == 1  # for the one that we came in on, and no other


def a_told(minute: int, *, forming: bool = False, close: float = 1.5) -> CandleTold:
    opens = START_NS + minute * MINUTE_NS
    return CandleTold(
        Candle(BTC.id, MINUTE, opens, 1.0, 2.0, 0.5, close, 10.0, 4, None, Provenance.BACKFILLED, 0, forming)
    )


def told(*events: CandleTold) -> ToldCandles:
    bus = Bus(clock=SystemClock())
    candles = ToldCandles(bus, MINUTE)
    for event in events:
        bus.publish(event)
    return candles


def test_a_forming_candle_is_over_once_a_later_one_is_told_but_nobody_said_that_it_closed() -> None:
    only = told(a_told(0, forming=True))
    assert only.over(BTC.id, MINUTE, START_NS) is None
    both = told(a_told(0, forming=True), a_told(1, forming=True))
    over = both.over(BTC.id, MINUTE, START_NS)
    assert over is not None
    assert not over.forming
    assert both.closed(BTC.id, MINUTE, START_NS) is None
    assert both.over(BTC.id, MINUTE, START_NS + MINUTE_NS) is None


def test_nothing_that_comes_later_opens_a_candle_again_that_closed() -> None:
    candles = told(a_told(0, close=1.7), a_told(0, forming=True, close=1.6))
    closed = candles.closed(BTC.id, MINUTE, START_NS)
    assert closed is not None
    assert closed.close == 1.7


def test_longer_candles_are_made_of_all_their_parts_or_not_at_all() -> None:
    whole = told(*(a_told(minute) for minute in range(5)))
    longer = whole.closed(BTC.id, FIVE_MINUTES, START_NS)
    assert longer is not None
    assert (longer.timeframe, longer.volume, longer.trades, longer.buy_volume) == ("5m", 50.0, 20, None)
    holed = told(*(a_told(minute) for minute in (0, 1, 3, 4)))
    assert holed.closed(BTC.id, FIVE_MINUTES, START_NS) is None
    assert holed.over(BTC.id, FIVE_MINUTES, START_NS) is None


def test_only_the_newest_are_kept() -> None:
    candles = told(*(a_told(minute) for minute in range(200)), a_told(3))
    assert candles.closed(BTC.id, MINUTE, START_NS + 3 * MINUTE_NS) is None
    assert candles.closed(BTC.id, MINUTE, START_NS + 199 * MINUTE_NS) is not None
    assert candles.closed(BTC.id, Timeframe("1h"), START_NS + 120 * MINUTE_NS) is None
    assert candles.closed(BTC.id, Timeframe("15m"), START_NS + 180 * MINUTE_NS) is not None


@pytest.mark.parametrize(
    ("of", "timeframe", "can"),
    [
        (None, "1m", False),
        ("1m", "1m", True),
        ("1m", "1h", True),
        ("1m", "4h", False),
        ("1m", "1s", False),
        ("5m", "1m", False),
        ("5m", "5m", True),
        ("5m", "4h", True),
    ],
)
def test_what_can_be_made_of_what_is_told(of: str | None, timeframe: str, can: bool) -> None:
    assert can_tell(Timeframe(of) if of else None, Timeframe(timeframe)) is can
