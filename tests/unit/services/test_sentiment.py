"""Headlines are told once, feeds that are away are named, and without feeds the service says that it is off."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.domain.events import HeadlineSeen
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.service import Health, Life
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.services.sentiment import EVERY_S, SHOWN, SentimentService
from alphaplus_tui.settings.sentiment import SentimentSettings
from alphaplus_tui.state.slices import SentimentRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.fakes.clock import FakeClock
from tests.fakes.news import FakeNews
from tests.fakes.store import FakeStore
from tests.support import eventually

NOW = 1_720_000_000 * 10**9
ONE, TWO, INDEX = "https://one.example/feed", "https://two.example/feed", "https://index.example/fng"


def headline(name: str, *, hours_ago: float = 1, score: float = 0.5) -> Headline:
    published = NOW - int(hours_ago * HOUR_NS)
    return Headline(name, "Example", f"{name} happened", "", published, NOW, score, ("BTC",))


class Newsroom:
    """The service with what surrounds it."""

    def __init__(self, *feeds: str, index: str = "", recorded: bool = False) -> None:
        self.news, self.store, self.state = FakeNews(), FakeStore(), StateStore()
        self.clock = FakeClock()
        self.life = Life("sentiment", self.clock)
        self.told: list[str] = []
        bus = Bus(clock=self.clock)
        self.moods = Moods(bus)
        bus.on(HeadlineSeen, lambda event: self.told.append(event.headline.id))
        self.service = SentimentService(
            self.news,
            self.store,
            bus,
            SentimentSettings(feeds=feeds, fear_greed_url=index),
            state=self.state,
            moods=self.moods,
            market=ManualMarketClock(NOW),
            recorded=recorded,
        )

    @property
    def row(self) -> SentimentRow:
        return self.state.sentiment[ONLY]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.service.run(self.life))
        try:
            await eventually(lambda: ONLY in self.state.sentiment)
            await self.clock.settle()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_without_feeds_it_says_that_it_is_off_and_asks_nobody() -> None:
    room = Newsroom()
    async with room.running():
        assert room.row.state == "off"
        assert "no feeds are configured" in room.row.reason
        await room.clock.advance(10 * EVERY_S)
        assert room.news.asked == []
        assert room.life.health is Health.OK


async def test_a_replay_hears_no_news_of_today() -> None:
    room = Newsroom(ONE, recorded=True)
    async with room.running():
        await room.clock.advance(EVERY_S)
        assert room.row.state == "off"
        assert room.news.asked == []


async def test_each_headline_is_told_once_and_the_day_is_summed_up() -> None:
    room = Newsroom(ONE, TWO, index=INDEX)
    room.news.published = {ONE: (headline("a", score=0.8),), TWO: (headline("b", hours_ago=30), headline("a"))}
    async with room.running():
        assert room.told == ["a", "b"]
        await room.clock.advance(EVERY_S)
        assert room.told == ["a", "b"]
        room.news.published[ONE] = (headline("c", score=-0.4), headline("a"))
        await room.clock.advance(EVERY_S)
        assert room.told == ["a", "b", "c"]
        assert (room.row.state, room.row.items_24h, room.row.fear_greed) == ("running", 2, 50.0)
        assert room.row.mean_24h is not None
        assert abs(room.row.mean_24h - 0.2) < 1e-9
    assert room.news.closed


async def test_what_was_stored_is_shown_and_not_told_again() -> None:
    room = Newsroom(ONE)
    await room.store.write(Batch(headlines=(headline("old"),)))
    room.news.published = {ONE: (headline("old"), headline("new"))}
    async with room.running():
        assert room.told == ["new"]
        assert "old" in room.state.headlines


async def test_a_feed_that_is_away_is_named_and_the_others_are_read() -> None:
    room = Newsroom(ONE, TWO)
    room.news.published = {TWO: (headline("b"),)}
    room.news.away = {ONE}
    async with room.running():
        assert room.told == ["b"]
        assert room.row.state == "running"
        assert ONE in room.row.reason
        assert room.life.health is Health.DEGRADED
        room.news.away = {ONE, TWO}
        await room.clock.advance(EVERY_S)
        assert room.row.state == "away"
        assert "and 1 more" in room.row.reason
        room.news.away = set()
        await room.clock.advance(EVERY_S)
        assert (room.row.state, room.row.reason) == ("running", "")
        assert room.life.health is Health.OK


async def test_without_a_database_headlines_are_told_all_the_same() -> None:
    room = Newsroom(ONE)
    room.store.available = False
    room.news.published = {ONE: (headline("a"),)}
    async with room.running():
        assert room.told == ["a"]


async def test_the_state_keeps_the_newest_and_old_ones_do_not_come_and_go() -> None:
    room = Newsroom(ONE)
    room.news.published = {ONE: tuple(headline(f"{n:04}", hours_ago=1 + n / 100) for n in range(SHOWN + 50))}
    async with room.running():
        assert len(room.state.headlines) == SHOWN
        told = len(room.told)
        await room.clock.advance(3 * EVERY_S)
        assert len(room.told) == told
        assert "0000" in room.state.headlines
        assert f"{SHOWN + 49:04}" not in room.state.headlines
        oldest = min(row.headline.published_at for row in room.state.headlines.values())
        assert oldest > NOW - DAY_NS
