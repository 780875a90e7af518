"""Trades in; candles, state and stored rows out: whatever happens in between."""

from random import Random

import pytest

from alphaplus_tui.domain.events import CandleClosed
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import open_time
from tests.support import eventually
from tests.unit.services.pipeline import (
    BTC,
    FIVE_MINUTES,
    MINUTE,
    MINUTE_NS,
    Pipeline,
    figures,
    recomputed,
    running,
    some_trades,
)


async def test_every_trade_is_stored_once_and_seen_at_once() -> None:
    trades = some_trades(1_000)
    async with running(Pipeline()) as pipeline:
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(trades[-1].seq)
        await pipeline.persistence.settled()
        assert pipeline.stored() == [trade.seq for trade in trades]
        price = pipeline.state.prices[BTC.id]
        assert (price.last, price.trades) == (trades[-1].price, 1_000)
        assert pipeline.state.tapes[BTC.id].trades == tuple(reversed(trades[-100:]))


async def test_closed_candles_equal_those_recomputed_from_the_trades() -> None:
    trades = some_trades(2_000)
    async with running(Pipeline()) as pipeline:
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(trades[-1].seq)
        await pipeline.persistence.settled()
        for timeframe in (MINUTE, FIVE_MINUTES):
            expected = recomputed(trades, timeframe)
            *closed, last = sorted(expected)
            stored = {k[2]: c for k, c in pipeline.store.stored_candles.items() if k[1] == timeframe}
            assert sorted(stored) == closed
            assert {opens: figures(candle) for opens, candle in stored.items()} == {o: expected[o] for o in closed}
            assert [candle.complete for _, candle in sorted(stored.items())] == [False, *[True] * (len(closed) - 1)]
            forming = pipeline.state.charts[BTC.id, timeframe].forming
            assert forming is not None
            assert (forming.open_time, figures(forming)) == (last, expected[last])


@pytest.mark.parametrize("seed", range(20))
async def test_cuts_skips_duplicates_and_reordering_change_nothing_in_the_end(seed: int) -> None:
    """Part of the trades is never heard, part comes twice, part comes late; REST has all."""
    rng = Random(seed)
    trades = some_trades(600, seed=seed)
    heard = [trade for trade in trades if rng.random() > 0.2 or trade.seq in {1, 600}]
    heard += rng.choices(heard, k=60)
    heard.sort(key=lambda trade: (trade.seq > 1, trade.seq + (rng.uniform(-30, 30) if rng.random() < 0.3 else 0)))
    async with running(Pipeline()) as pipeline:
        for trade in trades:
            pipeline.trade(trade, heard=False)
        for trade in heard:
            pipeline.market_data.say(trade)
        await eventually(lambda: not pipeline.state.gaps and pipeline.state.prices[BTC.id].trades == 600)
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 601))
        expected = recomputed(trades, MINUTE)
        first, *others, _ = sorted(expected)
        for opens in others:
            candle = pipeline.stored_candle(opens)
            assert candle is not None
            assert (figures(candle), candle.complete) == (expected[opens], True)
        began = pipeline.stored_candle(first)
        assert began is not None
        assert not began.complete
        assert not [gap for gap in pipeline.store.stored_gaps.values() if gap.missing]
        shown = {candle.open_time: candle for candle in pipeline.state.charts[BTC.id, MINUTE].closed}
        assert [figures(shown[opens]) for opens in others] == [expected[opens] for opens in others]


async def test_with_the_store_away_the_spool_keeps_everything_until_it_is_back() -> None:
    trades = some_trades(300)
    pipeline = Pipeline()
    async with running(pipeline):
        for trade in trades[:100]:
            pipeline.trade(trade)
        await pipeline.market_data_heard(100)
        await pipeline.persistence.settled()
        pipeline.store.available = False
        for trade in trades[100:]:
            pipeline.trade(trade)
        await eventually(lambda: pipeline.state.services["persistence"].health == "DEGRADED")
        await pipeline.market_data_heard(300)
        assert pipeline.state.prices[BTC.id].last == trades[-1].price
    assert pipeline.stored() == list(range(1, 101))

    pipeline.store.available = True
    async with running(Pipeline(store=pipeline.store, spool=pipeline.spool)) as again:
        await eventually(lambda: again.stored() == list(range(1, 301)))
        assert again.spool.bytes_used == 0


async def test_what_traded_since_the_last_run_is_fetched_before_the_stream_says_anything() -> None:
    trades = some_trades(900)
    first = Pipeline()
    async with running(first):
        for trade in trades[:300]:
            first.trade(trade)
        await first.market_data_heard(300)
    for trade in trades[300:]:
        first.trade(trade, heard=False)
    async with running(Pipeline(first.market_data, first.store)) as second:
        await eventually(lambda: second.stored() == list(range(1, 901)))
        await eventually(lambda: not second.state.gaps)


async def test_no_candle_that_our_own_record_contradicts_is_told_while_the_next_run_catches_up() -> None:
    trades = some_trades(2600)
    first = Pipeline()
    async with running(first):
        for trade in trades[:100]:
            first.trade(trade)
        await first.market_data_heard(100)
    second = Pipeline(first.market_data, first.store)
    for trade in trades[100:2500]:
        second.trade(trade, heard=False)
    told: list[Candle] = []
    second.bus.on(CandleClosed, lambda event: told.append(event.candle))
    expected = recomputed(trades, MINUTE)
    async with running(second):
        # the first page is here, its last candle closed with time, and nothing was heard yet
        last = open_time(trades[1099].ts_event, MINUTE)
        await eventually(lambda: any(candle.open_time == last and candle.timeframe == MINUTE for candle in told))
        for trade in trades[2500:]:
            second.trade(trade)
        await eventually(lambda: second.stored() == list(range(1, 2601)))
        await eventually(lambda: not second.state.gaps)
    whole = [candle for candle in told if candle.complete and candle.timeframe == MINUTE]
    assert [figures(candle) for candle in whole] == [expected[candle.open_time] for candle in whole]
    assert {candle.open_time for candle in whole} >= set(sorted(expected)[3:-1])


async def test_the_next_run_fetches_what_traded_in_between() -> None:
    trades = some_trades(900)
    first = Pipeline()
    async with running(first):
        for trade in trades[:300]:
            first.trade(trade)
        await first.market_data_heard(300)
    for trade in trades[300:700]:
        first.trade(trade, heard=False)
    second = Pipeline(first.market_data, first.store)
    async with running(second):
        for trade in trades[700:]:
            second.trade(trade)
        await eventually(lambda: second.stored() == list(range(1, 901)))
        await eventually(lambda: not second.state.gaps)
        await second.persistence.settled()
    expected = recomputed(trades, MINUTE)
    restart = trades[299].ts_event
    for opens in sorted(expected)[1:-1]:
        candle = second.stored_candle(opens)
        assert candle is not None or opens <= restart
        if candle is not None and candle.complete:
            assert figures(candle) == expected[opens]
        else:
            assert opens <= restart < opens + MINUTE_NS


async def test_a_lost_answer_to_a_committed_write_stores_nothing_twice() -> None:
    trades = some_trades(50)
    async with running(Pipeline()) as pipeline:
        pipeline.store.answers_lost = 2
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(50)
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 51))


@pytest.mark.parametrize("name", ["persistence", "projection", "candles", "continuity", "backfill", "monitor"])
async def test_a_service_that_is_restarted_in_the_middle_misses_nothing(name: str) -> None:
    trades = some_trades(600)
    async with running(Pipeline()) as pipeline:
        for trade in trades[:200]:
            pipeline.trade(trade)
        await pipeline.market_data_heard(200)
        await pipeline.manager.stop_one(name)
        for trade in trades[200:400]:
            pipeline.trade(trade, heard=trade.seq % 7 > 0)
        await pipeline.market_data_heard(400)
        await pipeline.manager.start_one(name)
        for trade in trades[400:]:
            pipeline.trade(trade)
        await eventually(lambda: pipeline.state.prices[BTC.id].trades == 600)
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 601))
        expected = recomputed(trades, MINUTE)
        for opens in sorted(expected)[1:-1]:
            candle = pipeline.stored_candle(opens)
            assert candle is not None
            assert (figures(candle), candle.complete) == (expected[opens], True)


async def _run_without_database(last: Pipeline, trades: list[Trade]) -> Pipeline:
    """A whole run, from its start to its end, that hears ``trades`` and never sees the database."""
    last.store.available, before = False, len(last.market_data.subscribed)
    run = Pipeline(last.market_data, last.store, last.spool)
    run.market.advance_to(trades[0].ts_event)
    async with running(run):
        await eventually(lambda: len(run.market_data.subscribed) > before)
        for trade in trades:
            run.trade(trade)
        await run.market_data_heard(trades[-1].seq)
    last.store.available = True
    return run


async def test_what_traded_between_runs_that_never_saw_the_database_is_fetched_by_the_next() -> None:
    trades = some_trades(700)
    run = Pipeline()
    async with running(run):
        for trade in trades[:100]:
            run.trade(trade)
        await run.market_data_heard(100)
        await run.persistence.settled()
    for begin in (200, 400):
        for trade in trades[begin - 100 : begin]:
            run.trade(trade, heard=False)
        run = await _run_without_database(run, trades[begin : begin + 100])
    assert run.stored() == list(range(1, 101))
    for trade in trades[500:600]:
        run.trade(trade, heard=False)
    last = Pipeline(run.market_data, run.store, run.spool)
    last.market.advance_to(trades[600].ts_event)
    async with running(last):
        for trade in trades[600:]:
            last.trade(trade)
        await eventually(lambda: last.stored() == list(range(1, 701)))
        await eventually(lambda: not last.state.gaps)
        await last.persistence.settled()
        assert await last.store.open_gaps() == ()
