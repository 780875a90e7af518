"""A connection's own loop: dial, subscribe, deliver, notice silence, and begin again; for ever."""

from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    TransientError,
)
from alphaplus_tui.exchanges.shared.link import dial
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.talk import Ear, KeepAlive, Patience, Talk
from alphaplus_tui.kernel.backoff import reconnect_delay_s
from alphaplus_tui.kernel.clock import Clock

_PLAIN = (Disconnected, DeadlineExceeded)
"""Further reasons of these kinds say nothing new about an outage; maintenance, a ban or a refusal do."""


class Habits(Struct, frozen=True):
    """How a connection behaves."""

    open_within_s: float = 5.0
    answer_within_s: float = 5.0
    """For the answers to its requests."""
    requests_per_s: float = 4.0
    retry_base_s: float = 0.25
    retry_cap_s: float = 1.0
    """While each connection delivers data."""
    retry_cap_away_s: float = 4.0
    """While the network does not lead there: trying costs nobody anything, and its return is noticed soon."""
    retry_cap_mute_s: float = 30.0
    """While the exchange is there but of no use."""
    calm_after_s: float = 3.0
    """After a life as long as this, a loss is retried at once again."""
    refused_times: int = 3
    refused_wait_s: float = 300.0
    """Between one try and the next, after so many refusals in a row."""
    renew_after_s: float = 23 * 3600.0
    """A successor takes over before the exchange's own limit of a connection's age."""
    leaving_after_s: float = 30.0
    """The same, where the exchange said that it will close the connection."""
    patience: Patience = Patience()


class Conversation(Protocol):
    """The venue's side of a connection: what to ask for, and what to make of what it says."""

    @property
    def keep_alive(self) -> KeepAlive | None: ...

    def requests(self) -> Sequence[str]:
        """What to send after connecting; earlier ones no longer matter."""
        ...

    def ear(self) -> Ear:
        """Made for each link; before a break there are two for a moment."""
        ...

    async def settled(self) -> None:
        """Returns when all requests were answered. Raises ProtocolError when one was refused."""
        ...

    async def quiet(self, silent_s: float) -> bool:
        """Asked when nothing came for ``silent_s``: is there really nothing to say?

        Raises TransientError or ProtocolError when that cannot be found out.
        """
        ...

    def connected(self) -> None:
        """Up and subscribed, for the first time or after a loss."""
        ...

    def lost(self, reason: str) -> None: ...


class Connection:
    """Keeps one conversation going until it is cancelled; only a defect of ours ends it otherwise."""

    def __init__(
        self, url: str, conversation: Conversation, mailbox: Mailbox, *, clock: Clock, rng: Random, habits: Habits
    ) -> None:
        self._url, self._conversation, self._mailbox = url, conversation, mailbox
        self._clock, self._rng, self._habits = clock, rng, habits
        self._talk: Talk | None = None
        self._attempt = 0
        self._refusals = 0
        self._useful = False
        """Whether the last connection delivered data."""
        self._told: set[type[AlphaPlusError]] = set()
        """What kinds of reasons this outage was told with."""

    async def run(self) -> None:
        try:
            while True:
                if self._talk is None:
                    self._talk = await self._begin()
                    continue
                error = await self._talk.until_old_or_lost()
                if error is not None:
                    ended, self._talk = self._talk, None
                    await ended.close()
                    self._learn_from(ended)
                    await self._wait_after(error)
                elif (successor := await self._succeed()) is not None:
                    old, self._talk = self._talk, successor
                    await old.close()
                else:
                    self._talk.young_again()
        finally:
            if self._talk is not None:
                await self._talk.close()

    async def say(self, requests: Sequence[str]) -> None:
        """Send ``requests`` if connected; a lost connection subscribes to everything anew anyway."""
        if self._talk is not None:
            with suppress(Disconnected):
                await self._talk.say(requests, every_s=1.0 / self._habits.requests_per_s)

    async def _begin(self) -> Talk | None:
        try:
            talk = await self._converse()
        except (TransientError, ProtocolError) as error:
            await self._wait_after(error)
            return None
        self._told.clear()
        self._conversation.connected()
        return talk

    async def _succeed(self) -> Talk | None:
        """Make before break: the old link delivers until this one does."""
        with suppress(TransientError, ProtocolError):
            return await self._converse()
        return None

    async def _converse(self) -> Talk:
        habits, self._useful = self._habits, False
        link = await dial(self._url, open_within_s=habits.open_within_s)
        ear = self._conversation.ear()
        talk = Talk(link, ear, self._conversation, clock=self._clock, patience=habits.patience)
        # connections that were dialled together are not to be renewed together
        talk.old_after_s = habits.renew_after_s * self._rng.uniform(0.95, 1.0)
        talk.leaving_after_s = habits.leaving_after_s

        def hold_back() -> None:
            ear.sparing = self._mailbox.overloaded
            if self._mailbox.crowded:
                link.pause()
                self._mailbox.when_drained(link.resume)

        try:
            requests = self._conversation.requests()
            link.after_read = hold_back
            link.listen(ear.hear)
            await talk.say(requests, every_s=1.0 / habits.requests_per_s)
            await talk.settle(self._conversation.settled(), within_s=habits.answer_within_s)
        except BaseException as error:
            self._learn_from(talk)
            if isinstance(error, ProtocolError):
                await talk.close()
            else:
                link.drop()
            raise
        self._refusals = 0
        return talk

    def _learn_from(self, talk: Talk) -> None:
        self._useful = talk.delivered
        if talk.delivered and talk.age_s >= self._habits.calm_after_s:
            self._attempt = 0

    async def _wait_after(self, error: AlphaPlusError) -> None:
        habits = self._habits
        if not self._told or (type(error) not in self._told and not isinstance(error, _PLAIN)):
            self._conversation.lost(str(error))
        self._told.add(type(error))
        cap_s = habits.retry_cap_away_s if isinstance(error, _PLAIN) else habits.retry_cap_mute_s
        if self._useful:
            cap_s = habits.retry_cap_s
        delay_s = reconnect_delay_s(self._attempt, base_s=habits.retry_base_s, cap_s=cap_s, rng=self._rng)
        self._attempt += 1
        if isinstance(error, RateLimited):
            delay_s = max(delay_s, error.retry_after_s)
        elif isinstance(error, ProtocolError):
            self._refusals += 1
            if self._refusals >= habits.refused_times:
                delay_s = habits.refused_wait_s
        if delay_s > 0:
            await self._clock.sleep(delay_s)
