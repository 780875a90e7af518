"""A venue that does not number its trades: told apart by id, missing by time, fetched by time."""

from itertools import pairwise
from random import Random

import pytest
from msgspec import structs

from alphaplus_tui.domain.coverage import Cover, Series
from alphaplus_tui.domain.events import FeedConnected, FeedLost, FeedMute, FeedRenewed
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Trade
from alphaplus_tui.state.slices import FeedState
from tests.fakes.market_data import FakeMarketData
from tests.support import eventually
from tests.unit.services.pipeline import (
    MINUTE,
    START_NS,
    Pipeline,
    figures,
    recomputed,
    running,
    some_trades,
)

SOL = Instrument("fake", "SOL/USDT", "SOLUSDT", "SOL", "USDT", 0.01, 0.01, numbered=False)
_SECOND_NS = 1_000_000_000


def without_numbers(count: int, *, seed: int = 1, first: int = 1, start_ns: int = START_NS) -> list[Trade]:
    """Trades of which some share a moment."""
    trades: list[Trade] = []
    for trade in some_trades(count, seed=seed, first_seq=first, start_ns=start_ns, instrument=SOL):
        shares = trades and Random(trade.seq).random() < 0.2
        ts = trades[-1].ts_event if shares else trade.ts_event // 1_000_000 * 1_000_000
        trades.append(structs.replace(trade, seq=ts, ts_event=ts, trade_id=f"t{trade.seq}"))
    return trades


class Venue:
    """Its stream as a pipeline hears it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.up = pipeline, False
        self._said: list[Trade] = []

    async def connect(self) -> None:
        await eventually(lambda: self.pipeline.market_data.subscribed)
        self.up = True
        now = self.pipeline.market.now()
        self.pipeline.market_data.say(FeedConnected("fake", "fake-1", (Channel.TRADE,), (SOL.id,), now))
        # as many venues do: the last ones again
        self.pipeline.market_data.say(*self._said[-20:])

    def cut(self) -> None:
        self.up = False
        now = self.pipeline.market.now()
        self.pipeline.market_data.say(FeedLost("fake", "fake-1", (Channel.TRADE,), (SOL.id,), "cut", now))

    def trade(self, trade: Trade) -> None:
        self.pipeline.trade(trade, heard=self.up)
        self._said.append(trade)

    async def settles(self) -> None:
        """Everything is heard, and what was not is fetched."""
        await eventually(lambda: self._last_is_heard() and not self.pipeline.state.gaps)
        await self.pipeline.persistence.settled()

    def _last_is_heard(self) -> bool:
        tape = self.pipeline.state.tapes.get(SOL.id)
        said = {trade.trade_id for trade in self._said[-2:]}
        return tape is not None and said <= {trade.trade_id for trade in tape.trades[:20]}


def stored_ids(pipeline: Pipeline) -> set[str]:
    return {trade.trade_id for trade in pipeline.store.stored_trades.values()}


@pytest.mark.parametrize("seed", range(4))
async def test_what_traded_while_the_connection_was_cut_is_fetched_by_time(seed: int) -> None:
    rng, trades = Random(seed), without_numbers(400, seed=seed)
    async with running(Pipeline(FakeMarketData(SOL))) as pipeline:
        venue = Venue(pipeline)
        await venue.connect()
        for number, trade in enumerate(trades):
            if rng.random() < 0.05 and 0 < number < 380:
                if venue.up:
                    venue.cut()
                else:
                    await venue.connect()
            if number == 380 and not venue.up:
                await venue.connect()
            venue.trade(trade)
        await venue.settles()
        assert stored_ids(pipeline) == {trade.trade_id for trade in trades}
        expected = recomputed(trades, MINUTE)
        for opens in sorted(expected)[1:-1]:
            candle = pipeline.stored_candle(opens, instrument=SOL)
            assert candle is not None
            assert (figures(candle)[1:3], figures(candle)[4:]) == (expected[opens][1:3], expected[opens][4:])
            assert candle.complete
        assert [gap for gap in pipeline.store.stored_gaps.values() if gap.missing] == []
        covered = pipeline.store.ledger.intervals[Series(SOL.id)]
        assert {interval.cover for interval in covered} == {Cover.LIVE, Cover.BACKFILLED}
        assert covered[0].start == trades[0].ts_event
        assert all(later.start - before.end <= 1 for before, later in pairwise(covered))


async def test_the_next_run_fetches_what_traded_since_before_anything_is_heard() -> None:
    trades = without_numbers(300)
    first = Pipeline(FakeMarketData(SOL))
    async with running(first):
        venue = Venue(first)
        await venue.connect()
        for trade in trades[:100]:
            venue.trade(trade)
        await eventually(lambda: len(first.store.stored_trades) == 100)
    second = Pipeline(first.market_data, first.store)
    for trade in trades[100:]:
        second.trade(trade, heard=False)
    second.market.advance_to(trades[-1].ts_event + 60 * _SECOND_NS)
    async with running(second):
        venue = Venue(second)
        await venue.connect()
        second.market.advance_to(second.market.now() + 4 * _SECOND_NS)
        await eventually(lambda: len(second.store.stored_trades) == 300)
        await venue.settles()


async def test_where_the_past_begins_later_the_rest_stays_a_gap_with_the_reason() -> None:
    trades = without_numbers(200)
    async with running(Pipeline(FakeMarketData(SOL))) as pipeline:
        venue = Venue(pipeline)
        await venue.connect()
        for trade in trades[:50]:
            venue.trade(trade)
        venue.cut()
        for trade in trades[50:150]:
            venue.trade(trade)
        pipeline.market_data.past_begins = trades[100].seq
        await venue.connect()
        for trade in trades[150:]:
            venue.trade(trade)
        key = (SOL.id, trades[49].ts_event)
        await eventually(lambda: key in pipeline.state.gaps and pipeline.state.gaps[key].reason, within_s=10)
        assert pipeline.state.gaps[key].reason == "the exchange's past begins later"
        assert pipeline.state.feeds[SOL.id].state is FeedState.GAP
        assert "s missing" in pipeline.state.feeds[SOL.id].reason
        await pipeline.persistence.settled()
        served = {trade.trade_id for trade in trades if trade.seq >= trades[100].seq}
        assert stored_ids(pipeline) == served | {trade.trade_id for trade in trades[:50]}
        rows = await pipeline.store.coverage([SOL.id], start=0, end=2**62, limit=100)
        assert [row.reason for row in rows if row.cover is Cover.GAP] == ["the exchange's past begins later"]


async def test_a_venue_whose_past_is_empty_is_asked_three_times() -> None:
    trades = without_numbers(20)
    async with running(Pipeline(FakeMarketData(SOL))) as pipeline:
        venue = Venue(pipeline)
        await venue.connect()
        for trade in trades[:10]:
            venue.trade(trade)
        await eventually(lambda: len(pipeline.state.tapes) and len(pipeline.state.tapes[SOL.id].trades) == 10)
        venue.cut()
        pipeline.market_data.past_begins = 2**62
        await venue.connect()
        for trade in trades[10:]:
            venue.trade(trade)
        key = (SOL.id, trades[9].ts_event)
        await eventually(lambda: key in pipeline.state.gaps and pipeline.state.gaps[key].reason, within_s=10)
        assert pipeline.state.gaps[key].reason == "the exchange does not serve them"
        assert len([call for call in pipeline.market_data.asked if call.startswith("trades")]) == 3


async def test_a_mute_instrument_that_is_subscribed_to_anew_is_asked_about_for_the_time_it_was_mute() -> None:
    trades = without_numbers(120)
    async with running(Pipeline(FakeMarketData(SOL))) as pipeline:
        venue = Venue(pipeline)
        await venue.connect()
        for trade in trades[:50]:
            venue.trade(trade)
        venue.up = False  # and nobody says so: the connection goes on with others
        for trade in trades[50:80]:
            venue.trade(trade)
        pipeline.market_data.say(FeedMute("fake", "fake-1", SOL.id, pipeline.market.now()))
        venue.up = True
        venue.trade(trades[80])  # heard before the answer to the subscription
        pipeline.market_data.say(FeedRenewed("fake", "fake-1", SOL.id, pipeline.market.now()))
        for trade in trades[81:]:
            venue.trade(trade)
        await venue.settles()
        assert stored_ids(pipeline) == {trade.trade_id for trade in trades}
        covered = pipeline.store.ledger.intervals[Series(SOL.id)]
        fetched = [(row.start, row.end) for row in covered if row.cover is Cover.BACKFILLED]
        assert fetched[0][0] == trades[49].ts_event + 1
        assert fetched[-1][1] >= trades[80].ts_event
        assert pipeline.state.feeds[SOL.id].state is FeedState.LIVE
        assert not pipeline.state.connections["fake-1"].reconnects
