"""What we ask of the world's news: headlines with their mood, and an index of fear and greed."""

from typing import Protocol

from alphaplus_tui.domain.analysis import Headline


class News(Protocol):
    """Both methods raise ``Disconnected``, ``DeadlineExceeded`` or ``VenueUnavailable`` (try again later), or
    ``ProtocolError`` for an answer that is not what it should be."""

    async def headlines(self, feed: str) -> tuple[Headline, ...]:
        """What the feed at an address publishes now, oldest first, at most 100; ``published_at`` is never in the
        future, and where the feed gives no time it is now."""
        ...

    async def fear_greed(self, url: str) -> float:
        """0 (fear) to 100 (greed)."""
        ...

    async def close(self) -> None: ...
