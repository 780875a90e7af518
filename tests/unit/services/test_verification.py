"""Closed candles are held against the exchange's own: what differs is shown and put right."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from alphaplus_tui.domain.market import Candle, Provenance, Trade
from alphaplus_tui.services.verification import difference
from tests.support import eventually
from tests.unit.services.pipeline import (
    BTC,
    MINUTE,
    MINUTE_NS,
    START_NS,
    Pipeline,
    figures,
    recomputed,
    running,
    some_trades,
)

SETTLED_NS = 70_000_000_000
"""Until even the last candle is closed and final."""


def own_candles(trades: Sequence[Trade]) -> list[Candle]:
    """What the exchange itself says."""
    sums = recomputed(trades, MINUTE)
    return [
        Candle(BTC.id, MINUTE, opens, *(sums[opens][:5]), trades=int(sums[opens][5]), buy_volume=sums[opens][6])
        for opens in sorted(sums)
    ]


def count(pipeline: Pipeline, name: str) -> float:
    return pipeline.meters.counter(name).value


async def heard(pipeline: Pipeline, trades: Sequence[Trade]) -> None:
    for trade in trades:
        pipeline.trade(trade)
    await pipeline.market_data_heard(trades[-1].seq)
    pipeline.market.advance_to(trades[-1].ts_event + SETTLED_NS)


async def test_candles_that_are_the_same_are_only_counted_and_asked_for_together() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(timeframes=(MINUTE,))
    pipeline.market_data.history[BTC.id, MINUTE] = own_candles(trades)
    async with running(pipeline):
        await heard(pipeline, trades)
        whole = len(recomputed(trades, MINUTE)) - 1  # we came in on the first one
        await eventually(lambda: count(pipeline, "candles_checked") == whole)
        assert count(pipeline, "candles_differed") == 0
        assert len([call for call in pipeline.market_data.asked if call.startswith("candles")]) <= 3
    assert not [candle for candle in pipeline.store.stored_candles.values() if candle.revision and candle.complete]


async def test_one_that_differs_is_shown_logged_counted_and_replaced_with_a_higher_revision() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(timeframes=(MINUTE,))
    theirs = own_candles(trades)
    theirs[2] = structs.replace(theirs[2], high=theirs[2].high + 1, volume=theirs[2].volume + 0.5, trades=61)
    pipeline.market_data.history[BTC.id, MINUTE] = theirs
    opens = START_NS + 2 * MINUTE_NS
    async with running(pipeline):
        await heard(pipeline, trades)
        await eventually(lambda: count(pipeline, "candles_differed"))
        await pipeline.persistence.settled()
        stored = pipeline.stored_candle(opens)
        assert stored is not None
        assert figures(stored) == figures(theirs[2])
        assert (stored.provenance, stored.revision, stored.complete) == (Provenance.BACKFILLED, 1, True)
        (notice,) = pipeline.state.notices.values()
        assert notice.title == "Candle corrected"
        assert "BTC/USDT 1m: high" in notice.text
        assert "the exchange says 61" in notice.text
        shown = {candle.open_time: candle for candle in pipeline.state.charts[BTC.id, MINUTE].closed}
        assert figures(shown[opens]) == figures(theirs[2])
        await eventually(lambda: count(pipeline, "candles_checked") >= 4)
        assert count(pipeline, "candles_differed") == 1


async def test_a_candle_that_the_exchange_does_not_have_stays_ours() -> None:
    trades = some_trades(300)
    pipeline = Pipeline(timeframes=(MINUTE,))
    pipeline.market_data.history[BTC.id, MINUTE] = own_candles(trades)[:2]
    async with running(pipeline):
        await heard(pipeline, trades)
        await eventually(lambda: count(pipeline, "candles_checked"))
        await eventually(lambda: len([c for c in pipeline.market_data.asked if c.startswith("candles")]) >= 4)
        assert count(pipeline, "candles_differed") == 0
        await pipeline.persistence.settled()
    expected = recomputed(trades, MINUTE)
    stored = pipeline.stored_candle(START_NS + 2 * MINUTE_NS)
    assert stored is not None
    assert (figures(stored), stored.revision) == (expected[stored.open_time], 0)


def a_candle(**changes: float | None) -> Candle:
    return structs.replace(Candle(BTC.id, MINUTE, START_NS, 1.0, 3.0, 0.5, 2.0, 10.0, 7, 4.0), **changes)


@pytest.mark.parametrize("changes", [{}, {"trades": None}, {"buy_volume": None}, {"volume": 10.0 + 1e-10}])
def test_what_the_exchange_does_not_say_and_rounding_are_no_difference(changes: dict[str, float | None]) -> None:
    assert difference(a_candle(), a_candle(**changes)) == ""


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "trades", "buy_volume"])
def test_every_figure_counts(name: str) -> None:
    assert name.replace("_", " ") in difference(a_candle(), a_candle(**{name: 99.0}))
