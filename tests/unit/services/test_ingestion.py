"""What the exchange says reaches the bus, and a broken exchange breaks nothing else."""

import asyncio
from collections.abc import Callable, Sequence

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected, InstrumentsKnown, RecordingEnded
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Ticker
from alphaplus_tui.errors import RateLimited, VenueUnavailable
from tests.fakes.market_data import FakeMarketData
from tests.support import eventually
from tests.unit.services.pipeline import BTC, START_NS, Pipeline, running, some_trades


def counter(pipeline: Pipeline, name: str, *labels: tuple[str, str]) -> float:
    return pipeline.meters.counter(name, labels).value


def state_of(pipeline: Pipeline, name: str) -> Callable[[], str]:
    return lambda: pipeline.state.services[name].state


def connected() -> FeedConnected:
    return FeedConnected("fake", "fake-1", (Channel.TRADE,), (BTC.id,), START_NS)


async def test_messages_are_counted_by_channel_and_their_way_is_measured() -> None:
    async with running(Pipeline()) as pipeline:
        ticker = Ticker(BTC.id, 1.0, 1.0, 2.0, 1.0, 1, START_NS, START_NS)
        for trade in some_trades(10):
            pipeline.trade(trade)
        pipeline.market_data.say(ticker, ticker)
        await eventually(lambda: pipeline.state.prices[BTC.id].ask == 2.0)
        assert counter(pipeline, "messages", ("exchange", "fake"), ("channel", "trade")) == 10
        assert counter(pipeline, "messages", ("exchange", "fake"), ("channel", "ticker")) == 2
        await eventually(lambda: pipeline.meters.histogram("wire_to_state").count == 11)


async def test_an_exchange_that_is_away_at_the_start_is_waited_for() -> None:
    market_data = FakeMarketData(BTC)
    market_data.failures.extend([VenueUnavailable("maintenance"), RateLimited("slow down", retry_after_s=0.2)])
    async with running(Pipeline(market_data)) as pipeline:
        await eventually(lambda: pipeline.market_data.subscribed)
        status = pipeline.manager.status("ingestion")
        assert (status.restarts, status.state.name, status.health.name) == (0, "RUNNING", "OK")


async def test_an_exchange_that_takes_its_time_keeps_nobody_from_starting() -> None:
    class Slow(FakeMarketData):
        answer = asyncio.Event()

        async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
            await self.answer.wait()
            return await super().instruments(symbols)

    market_data = Slow(BTC)
    async with running(Pipeline(market_data)) as pipeline:
        assert state_of(pipeline, "ingestion")() == "RUNNING"
        assert not market_data.subscribed
        market_data.answer.set()
        await eventually(lambda: market_data.subscribed)


async def test_a_lost_connection_is_weather_and_the_service_runs_on() -> None:
    async with running(Pipeline()) as pipeline:
        pipeline.market_data.say(connected())
        for _ in range(3):
            pipeline.market_data.say(FeedLost("fake", "fake-1", (Channel.TRADE,), (BTC.id,), "reset", START_NS))
            await eventually(lambda: pipeline.state.services["ingestion"].health == "DEGRADED")
            pipeline.market_data.say(connected())
            await eventually(lambda: pipeline.state.services["ingestion"].health == "OK")
        assert counter(pipeline, "reconnects") == 3
        assert pipeline.state.services["ingestion"].restarts == 0


async def test_a_defect_in_the_stream_restarts_the_service_and_the_missing_trades_are_fetched() -> None:
    trades = some_trades(90)
    async with running(Pipeline()) as pipeline:
        for trade in trades[:30]:
            pipeline.trade(trade)
        await pipeline.market_data_heard(30)
        pipeline.market_data.break_streams(RuntimeError("a defect"))
        await eventually(lambda: pipeline.state.services["ingestion"].restarts == 1)
        for trade in trades[30:60]:
            pipeline.trade(trade, heard=False)
        await eventually(lambda: len(pipeline.market_data.subscribed) == 2)
        for trade in trades[60:]:
            pipeline.trade(trade)
        await eventually(lambda: pipeline.state.prices[BTC.id].trades == 90)
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 91))


async def test_a_frame_that_is_no_good_is_counted() -> None:
    async with running(Pipeline()) as pipeline:
        pipeline.market_data.say(FrameRejected("fake", "fake-1", "not JSON", "{", START_NS))
        await eventually(lambda: counter(pipeline, "frames_rejected") == 1)


async def test_a_recording_ends_once_and_the_service_stays() -> None:
    pipeline = Pipeline(live=False)
    ended: list[RecordingEnded] = []
    known: list[InstrumentsKnown] = []
    pipeline.bus.on(RecordingEnded, ended.append)
    pipeline.bus.on(InstrumentsKnown, known.append)
    async with running(pipeline):
        for trade in some_trades(70):
            pipeline.trade(trade)
        await pipeline.market_data_heard(70)
        pipeline.market_data.end()
        await eventually(lambda: ended)
        assert state_of(pipeline, "ingestion")() == "RUNNING"
        await pipeline.manager.restart("ingestion")
        await eventually(lambda: len(known) == 2)
        assert len(ended) == 1
        await pipeline.persistence.settled()
        assert pipeline.stored() == list(range(1, 71))
