"""A notifier that remembers what it was told."""

import asyncio
from collections.abc import Iterable

from alphaplus_tui.errors import Disconnected, FatalError
from alphaplus_tui.ports.notifier import Message


class FakeNotifier:
    """``taken`` by channel; channels in ``away`` do not answer, and ``hanging`` ones never do."""

    def __init__(self, *channels: str) -> None:
        self.taken: dict[str, list[Message]] = {channel: [] for channel in channels}
        self.away: set[str] = set()
        self.hanging: set[str] = set()
        self.tries = 0

    def missing(self, channels: Iterable[str]) -> tuple[str, ...]:
        return tuple(channel for channel in channels if channel not in self.taken)

    async def send(self, channel: str, message: Message) -> None:
        self.tries += 1
        if channel not in self.taken:
            raise FatalError(f"there is no secret {channel!r}")
        if channel in self.hanging:
            await asyncio.Future[None]()
        if channel in self.away:
            raise Disconnected(f"{channel}: nobody there")
        self.taken[channel].append(message)
