"""Reads the feeds every few minutes and tells of each new headline; without feeds it says that it is off."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.domain.events import HeadlineSeen
from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.news import News
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.settings.sentiment import SentimentSettings
from alphaplus_tui.state.slices import HeadlineRow, SentimentRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

T = TypeVar("T")

EVERY_S = 300.0
SHOWN = 200
"""Headlines in the state, the newest."""
_REMEMBERED_NS = 60 * DAY_NS
"""Longer than a window of hourly candles."""
_ROUND_WITHIN_S = 600.0
_OFF = "no feeds are configured; the models run without news"
_REPLAYED = "a replay hears no news of today"


class SentimentService:
    """Writes the slices ``headlines`` and ``sentiment``; publishes ``HeadlineSeen`` once for each headline."""

    name = "sentiment"
    after: tuple[str, ...] = ("projection", "persistence")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        news: News,
        reader: StoreReader,
        bus: Bus,
        settings: SentimentSettings,
        *,
        state: StateStore,
        moods: Moods,
        market: MarketClock,
        recorded: bool,
    ) -> None:
        """recorded: the market's clock is a recording's, so that today's headlines would come from its future."""
        self._news, self._reader, self._bus, self._settings = news, reader, bus, settings
        self._state, self._moods, self._market = state, moods, market
        self._off = _REPLAYED if recorded else "" if settings.feeds or settings.fear_greed_url else _OFF
        self._fear_greed: float | None = None
        self._troubles: dict[str, str] = {}
        self._remembered = False

    async def run(self, life: Life) -> None:
        life.ready()
        if self._off:
            self._state.sentiment.put(ONLY, SentimentRow("off", self._off, None, None, 0))
            await asyncio.Future[None]()
        try:
            while True:
                async with life.work(within_s=_ROUND_WITHIN_S):
                    await self._look()
                if self._troubles:
                    life.degraded(self._trouble())
                else:
                    life.healthy()
                await life.clock.sleep(EVERY_S)
        finally:
            await self._news.close()

    async def _look(self) -> None:
        await self._remember()
        for feed in self._settings.feeds:
            for headline in await self._answer(feed, lambda feed=feed: self._news.headlines(feed)) or ():
                self._take(headline)
            self._show()
        url = self._settings.fear_greed_url
        if url:
            self._fear_greed = await self._answer(url, lambda: self._news.fear_greed(url))
        self._show()

    async def _remember(self) -> None:
        """What is stored: of earlier runs, so that nobody hears it twice, and for the moods what counts."""
        now = self._market.now()
        try:
            self._moods.remember(await self._reader.mood(since=now - _REMEMBERED_NS, until=now + 1))
            if self._remembered:
                return
            stored = await self._reader.headlines(since=0, limit=SHOWN)
        except AlphaPlusError as error:
            log.info("headlines_not_remembered", error=str(error))  # stored ones are told again, and stored once
            return
        self._remembered = True
        for headline in stored:
            self._state.headlines.put(headline.id, HeadlineRow(headline))

    async def _answer(self, address: str, question: Callable[[], Awaitable[T]]) -> T | None:
        """What is there, or None; the first failure and the first answer after it are logged."""
        try:
            answer = await question()
        except AlphaPlusError as error:
            if address not in self._troubles:
                log.warning("news_away", address=address, error=str(error))
            self._troubles[address] = str(error)
            return None
        if self._troubles.pop(address, None):
            log.info("news_back", address=address)
        return answer

    def _take(self, headline: Headline) -> None:
        shown = self._state.headlines
        if headline.id in shown or self._too_old(headline):
            return
        shown.put(headline.id, HeadlineRow(headline))
        self._bus.publish(HeadlineSeen(headline))
        if len(shown) > SHOWN:
            shown.drop(min(shown, key=lambda key: (shown[key].headline.published_at, key)))

    def _too_old(self, headline: Headline) -> bool:
        """Older than all that fit on the screen; it would be dropped and come anew each time."""
        shown = self._state.headlines
        return len(shown) >= SHOWN and headline.published_at <= min(row.headline.published_at for row in shown.values())

    def _show(self) -> None:
        since = self._market.now() - DAY_NS
        day = [row.headline.score for row in self._state.headlines.values() if row.headline.published_at >= since]
        places = len(self._settings.feeds) + bool(self._settings.fear_greed_url)
        away = len(self._troubles) >= places
        mean = sum(day) / len(day) if day else None
        self._state.sentiment.put(
            ONLY,
            SentimentRow("away" if away else "running", self._trouble(), self._fear_greed, mean, len(day)),
        )

    def _trouble(self) -> str:
        if not self._troubles:
            return ""
        more = f", and {len(self._troubles) - 1} more" if len(self._troubles) > 1 else ""
        return f"{next(iter(self._troubles.values()))}{more}"
