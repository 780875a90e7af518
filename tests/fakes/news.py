"""News that a test decides."""

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.errors import Disconnected


class FakeNews:
    """``published`` by feed; feeds in ``away`` do not answer."""

    def __init__(self) -> None:
        self.published: dict[str, tuple[Headline, ...]] = {}
        self.away: set[str] = set()
        self.index = 50.0
        self.asked: list[str] = []
        self.closed = False

    async def headlines(self, feed: str) -> tuple[Headline, ...]:
        self._ask(feed)
        return self.published.get(feed, ())

    async def fear_greed(self, url: str) -> float:
        self._ask(url)
        return self.index

    async def close(self) -> None:
        self.closed = True

    def _ask(self, address: str) -> None:
        self.asked.append(address)
        if address in self.away:
            raise Disconnected(f"{address}: nobody there")
