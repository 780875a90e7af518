"""What we ask of whatever carries an alert out of this machine."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.alerts import Severity


class Message(Struct, frozen=True):
    """What is told; plain text, whatever the channel makes of it."""

    title: str
    text: str
    severity: Severity


class Notifier(Protocol):
    """Channels are names; their addresses are secrets that nobody but the notifier sees."""

    def missing(self, channels: Iterable[str]) -> tuple[str, ...]:
        """Those of ``channels`` that have no address."""
        ...

    async def send(self, channel: str, message: Message) -> None:
        """Returns when the channel took it. ``TransientError``: trying again may help; ``FatalError``: it cannot."""
        ...
