"""News of the web: ``ports.news`` over feeds and an index of fear and greed."""

import asyncio

import msgspec

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.news.fetch import Fetcher
from alphaplus_tui.news.mood import Mood


class _Reading(msgspec.Struct):
    value: str | float


class _Index(msgspec.Struct):
    """As alternative.me gives it."""

    data: list[_Reading]


_INDEX = msgspec.json.Decoder(_Index)


class WebNews:
    """Parses in a thread, one document at a time: the parser is slow and the loop must not wait for it."""

    def __init__(self, market: MarketClock, *, within_s: float = 15.0) -> None:
        self._market, self._fetcher = market, Fetcher(within_s=within_s)
        self._mood: Mood | None = None
        self._parsing = asyncio.Lock()

    async def headlines(self, feed: str) -> tuple[Headline, ...]:
        body = await self._fetcher.get(feed)
        async with self._parsing:
            return await asyncio.to_thread(self._parse, body, feed, self._market.now())

    async def fear_greed(self, url: str) -> float:
        body = await self._fetcher.get(url)
        try:
            value = float(_INDEX.decode(body).data[0].value)
        except (msgspec.DecodeError, ValueError, IndexError, RecursionError) as error:
            raise ProtocolError("the fear and greed index is not as expected") from error
        if not 0 <= value <= 100:
            raise ProtocolError(f"the fear and greed index is from 0 to 100, not {value:g}")
        return value

    async def close(self) -> None:
        await self._fetcher.close()

    def _parse(self, body: bytes, feed: str, now: int) -> tuple[Headline, ...]:
        from alphaplus_tui.news.feeds import parse  # noqa: PLC0415  the parser takes a while to import

        if self._mood is None:
            self._mood = Mood()
        return parse(body, feed, self._mood, now=now)
