"""Gaps: fetched where the exchange has them, explained where it has not."""

from msgspec import structs

from alphaplus_tui.domain.market import Candle
from alphaplus_tui.errors import ProtocolError, RateLimited, VenueUnavailable
from alphaplus_tui.ports.store import Batch, GapRecord
from alphaplus_tui.state.slices import FeedState
from tests.fakes.market_data import FakeMarketData
from tests.fakes.spool import FakeSpool
from tests.fakes.store import FakeStore
from tests.support import eventually
from tests.unit.services.pipeline import BTC, MINUTE, START_NS, Pipeline, figures, recomputed, running, some_trades


async def test_a_gap_larger_than_the_settings_allow_stays_with_the_reason() -> None:
    trades = some_trades(100)
    async with running(Pipeline(max_trades=10)) as pipeline:
        for trade in trades:
            pipeline.trade(trade, heard=trade.seq in {1, 2, 100})
        await eventually(lambda: pipeline.state.gaps.get((BTC.id, 3)) and pipeline.state.gaps[BTC.id, 3].reason)
        gap = pipeline.state.gaps[BTC.id, 3]
        assert (gap.missing, "backfill_max_trades" in gap.reason) == (97, True)
        assert pipeline.state.feeds[BTC.id].state is FeedState.GAP
        assert [notice.title for notice in pipeline.state.notices.values()] == ["Gap"]
        await pipeline.persistence.settled()
        (record,) = pipeline.store.stored_gaps.values()
        assert (record.missing, record.reason) == (97, gap.reason)


async def test_what_the_exchange_has_no_more_stays_missing_and_the_rest_is_fetched() -> None:
    trades = some_trades(60)
    async with running(Pipeline()) as pipeline:
        for trade in trades:
            if trade.seq not in {20, 21}:
                pipeline.trade(trade, heard=trade.seq < 10 or trade.seq > 40)
        await eventually(lambda: pipeline.state.gaps.get((BTC.id, 10)) and pipeline.state.gaps[BTC.id, 10].reason)
        assert pipeline.state.gaps[BTC.id, 10].missing == 2
        assert pipeline.state.gaps[BTC.id, 10].reason == "the exchange does not serve them"
        await pipeline.persistence.settled()
        assert pipeline.stored() == [trade.seq for trade in trades if trade.seq not in {20, 21}]
        pipeline.market_data.say(trades[19], trades[20])
        await eventually(lambda: not pipeline.state.gaps)


async def test_an_exchange_that_is_busy_is_asked_again_and_one_that_bans_is_left_alone() -> None:
    trades = some_trades(60)
    async with running(Pipeline()) as pipeline:
        pipeline.market_data.failures.extend(
            [VenueUnavailable("503"), RateLimited("slow down", retry_after_s=0.3, banned=True)]
        )
        for trade in trades:
            pipeline.trade(trade, heard=trade.seq < 10 or trade.seq > 40)
        await eventually(lambda: pipeline.state.prices[BTC.id].trades == 60)
        assert not pipeline.state.gaps
        assert pipeline.state.services["backfill"].restarts == 0


async def test_an_exchange_that_refuses_is_not_asked_again() -> None:
    trades = some_trades(30)
    async with running(Pipeline()) as pipeline:
        pipeline.market_data.failures.append(ProtocolError("no such route"))
        for trade in trades:
            pipeline.trade(trade, heard=trade.seq < 10 or trade.seq > 20)
        await eventually(lambda: pipeline.state.gaps.get((BTC.id, 10)) and pipeline.state.gaps[BTC.id, 10].reason)
        assert "no such route" in pipeline.state.gaps[BTC.id, 10].reason
        assert len([call for call in pipeline.market_data.asked if call.startswith("trades")]) == 1


async def test_a_recording_has_only_itself() -> None:
    trades = some_trades(30)
    async with running(Pipeline(live=False)) as pipeline:
        for trade in trades:
            pipeline.trade(trade, heard=trade.seq < 10 or trade.seq > 20)
        await eventually(lambda: (BTC.id, 10) in pipeline.state.gaps)
        assert pipeline.state.gaps[BTC.id, 10].reason == "not in the recording"
        assert not [call for call in pipeline.market_data.asked if call.startswith("trades")]


async def test_a_gap_of_an_earlier_run_is_fetched_and_one_that_cannot_be_is_shown() -> None:
    store = FakeStore()
    market_data = FakeMarketData(BTC)
    trades = some_trades(100)
    await store.register((BTC,))
    await store.write(
        Batch(
            trades=tuple(trade for trade in trades[:60] if trade.seq not in {10, 11, 20, 21}),
            gaps=(
                GapRecord(BTC.id, 10, 11, 2, "", START_NS, START_NS),
                GapRecord(BTC.id, 20, 21, 2, "gone", START_NS, START_NS),
            ),
        )
    )
    async with running(Pipeline(market_data, store)) as pipeline:
        for trade in trades:
            pipeline.trade(trade, heard=trade.seq > 60)
        await eventually(lambda: list(pipeline.state.gaps) == [(BTC.id, 20)])
        await pipeline.persistence.settled()
        assert pipeline.stored() == [seq for seq in range(1, 101) if seq not in {20, 21}]
        assert pipeline.state.gaps[BTC.id, 20].reason == "gone"


async def test_trades_that_had_to_be_shed_are_fetched_again_and_counted_once_in_candles() -> None:
    trades = some_trades(400)
    pipeline = Pipeline(spool=FakeSpool(max_bytes=100))
    async with running(pipeline):
        for trade in trades[:100]:
            pipeline.trade(trade)
        await pipeline.market_data_heard(100)
        await pipeline.persistence.settled()
        pipeline.store.available = False
        for trade in trades[100:300]:
            pipeline.trade(trade)
        await pipeline.market_data_heard(300)
        # nobody waits 5 s for the memory to be relieved: a stop sheds at once, and the next start tells
        await pipeline.manager.stop_one("persistence")
        pipeline.store.available = True
        await pipeline.manager.start_one("persistence")
        for trade in trades[300:]:
            pipeline.trade(trade)
        await eventually(lambda: pipeline.stored() == list(range(1, 401)))
        await eventually(lambda: not pipeline.state.gaps)
        assert pipeline.state.prices[BTC.id].trades == 400
        await pipeline.persistence.settled()
        expected = recomputed(trades, MINUTE)
        for opens in sorted(expected)[1:-1]:
            candle = pipeline.stored_candle(opens)
            assert candle is not None
            assert (figures(candle), candle.revision) == (expected[opens], 0)


async def test_a_poisonous_trade_is_quarantined_and_the_true_one_fetched() -> None:
    trades = some_trades(100)
    async with running(Pipeline()) as pipeline:
        for trade in trades:
            if trade.seq in {40, 41}:
                pipeline.trade(trade, heard=False)
                pipeline.market_data.say(structs.replace(trade, price=0.0 if trade.seq == 40 else trade.price * 1e6))
            else:
                pipeline.trade(trade)
        await eventually(lambda: pipeline.state.prices[BTC.id].trades == 100)
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 101))
        assert {t.price for t in pipeline.store.stored_trades.values()} == {t.price for t in trades}
        assert pipeline.meters.counter("trades_quarantined").value == 2


async def test_the_candle_in_which_we_began_is_replaced_by_the_exchanges_own() -> None:
    trades = some_trades(200)
    market_data = FakeMarketData(BTC)
    own = Candle(BTC.id, MINUTE, START_NS, 99.0, 105.0, 98.0, 100.0, 321.0, trades=77, buy_volume=200.0)
    market_data.history[BTC.id, MINUTE] = [own]
    async with running(Pipeline(market_data)) as pipeline:
        for trade in trades:
            pipeline.trade(trade)
        await pipeline.market_data_heard(200)
        await eventually(lambda: pipeline.state.charts[BTC.id, MINUTE].closed[0].complete)
        shown = pipeline.state.charts[BTC.id, MINUTE].closed[0]
        assert (shown.volume, shown.trades, shown.revision, shown.provenance) == (321.0, 77, 1, "backfilled")
        await pipeline.persistence.settled()
        assert pipeline.stored_candle(START_NS) == shown
