"""Notices a connection of ccxt's that is open and says nothing, where something ought to be said."""

import asyncio
from collections.abc import Sequence

from alphaplus_tui.domain.market import Channel
from alphaplus_tui.errors import DeadlineExceeded, Disconnected, ProtocolError, TransientError
from alphaplus_tui.exchanges.ccxt.library import Client, Ear
from alphaplus_tui.exchanges.ccxt.line import Line
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.talk import Patience, Rhythm
from alphaplus_tui.kernel.clock import Clock

_MOST_PATIENCE = 64.0


class _Heard:
    """What is known of one connection."""

    def __init__(self, messages: int, now: float) -> None:
        self.began = self.heard_at = now
        self.first = self.seen = messages
        self.rhythm = Rhythm()
        self.silent_s = 0.0
        self.more_patience = 1.0

    def hear(self, messages: int, now: float) -> None:
        self.rhythm.heard(messages - self.seen, now - self.heard_at)
        self.seen, self.heard_at = messages, now
        self.silent_s, self.more_patience = 0.0, 1.0

    def limit(self, patience: Patience) -> tuple[float, float | None]:
        return patience.limit(self.seen - self.first, self.heard_at - self.began, self.rhythm)


class Silence:
    """Watches the connections of some lines. Pings do not count: only data does."""

    def __init__(self, lines: Sequence[Line], ear: Ear, pulses: Pulses, *, clock: Clock, patience: Patience) -> None:
        self._lines, self._ear, self._pulses, self._clock, self._patience = lines, ear, pulses, clock, patience
        self._known: dict[int, _Heard] = {}

    async def watch(self) -> None:
        """Until cancelled: end the connections that fell silent; their lines begin anew."""
        then = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._patience.look_every_s)
            now = self._clock.monotonic()
            # a stall of our own loop is not the silence of the other side
            elapsed_s, then = min(now - then, 2 * self._patience.look_every_s), now
            clients = {id(line.client): line.client for line in self._lines if line.up and line.client is not None}
            self._known = {key: heard for key, heard in self._known.items() if key in clients}
            for key, client in clients.items():
                messages = self._ear.messages.get(client.url, 0)
                heard = self._known.setdefault(key, _Heard(messages, now))
                await self._look(client, heard, messages, now, elapsed_s)

    async def _look(self, client: Client, heard: _Heard, messages: int, now: float, elapsed_s: float) -> None:
        if messages != heard.seen:
            heard.hear(messages, now)
            return
        heard.silent_s += elapsed_s
        limit_s, within_s = heard.limit(self._patience)
        if heard.silent_s < limit_s * heard.more_patience:
            return
        if not await self._really_quiet(client, heard.silent_s, within_s):
            client.on_error(Disconnected(f"connected but silent for {heard.silent_s:.1f} s"))
        heard.silent_s, heard.more_patience = 0.0, min(_MOST_PATIENCE, 2 * heard.more_patience)

    async def _really_quiet(self, client: Client, silent_s: float, within_s: float | None) -> bool:
        """Whether nothing happened that it should have told of; False also where nobody says so ``within_s``."""
        lines = [line for line in self._lines if line.client is client]
        traded = [instrument for line in lines if Channel.TRADE in line.channels for instrument in line.instruments]
        if not traded:
            # a trade changes the book: where others heard one meanwhile, this connection should have said something
            instruments = [instrument for line in lines for instrument in line.instruments]
            return all(line.delivered for line in lines) and not self._pulses.traded_within(instruments, silent_s)
        try:
            async with asyncio.timeout(within_s):
                return await self._pulses.quiet(traded)
        except (Disconnected, DeadlineExceeded, TimeoutError):
            return False
        except (TransientError, ProtocolError):
            return True  # whoever is asked to wait, or may not ask, learns nothing
