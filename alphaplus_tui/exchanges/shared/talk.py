"""One link in use: its requests, how long it may be silent, when it is old."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from math import exp, inf
from typing import Any, Protocol

from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    TransientError,
)
from alphaplus_tui.exchanges.shared.link import CLOSE_WITHIN_S, Link
from alphaplus_tui.kernel.clock import Clock, elapsed_ns, wait_within

_KNOWN_FROM = 20
"""Frames from which on a rhythm is known."""
_REMEMBERED_S = 60.0
"""After so long what was heard counts about a third."""
_SLEPT_S = 5.0
"""The program's clock stands still while the machine sleeps; so much behind the one that does not, it slept."""


class Rhythm:
    """How often something is said: the newest counts most, so that a quiet night follows a busy day."""

    def __init__(self) -> None:
        self._frames = self._span_s = 0.0

    def heard(self, frames: int, after_s: float) -> None:
        """``frames`` came, the last ones ``after_s`` ago."""
        fading = exp(-after_s / _REMEMBERED_S)
        self._frames, self._span_s = self._frames * fading + frames, self._span_s * fading + after_s

    @property
    def usual_s(self) -> float:
        """Between two frames; infinite where none was heard."""
        return self._span_s / self._frames if self._frames else inf


class Patience(Struct, frozen=True):
    """How long silence is borne. Pings do not count: only data does."""

    silent_after_s: float = 4.0
    """Where much is said; then it is asked for otherwise, and lost if there is no answer soon."""
    doubt_for_s: float = 1.0
    """How long such an answer is waited for."""
    rhythms: float = 8.0
    """Where less is said: so many times the usual time between two frames; an answer may take its time."""
    first_data_within_s: float = 10.0
    """Where nothing or hardly anything was said yet; then it is asked for otherwise, each time more patiently."""
    look_every_s: float = 0.5

    def limit(self, frames: int, span_s: float, rhythm: Rhythm) -> tuple[float, float | None]:
        """After ``frames`` in ``span_s``: how long silence is borne, and how long to wait for word that all is well.

        None: as long as that takes.
        """
        if frames < _KNOWN_FROM or span_s < 2.0:
            return self.first_data_within_s, None
        limit_s = self.rhythms * rhythm.usual_s
        return max(self.silent_after_s, limit_s), self.doubt_for_s if limit_s <= self.silent_after_s else None


class KeepAlive(Struct, frozen=True):
    """What must be said from time to time, lest the venue hang up; WebSocket pings are sent anyway."""

    text: str
    every_s: float


class Ear(Protocol):
    """Hears what comes over one link."""

    sparing: bool
    """Set while the reader is far behind: what can be had again later should be left out."""
    beats: int
    """Frames that said nothing of the market: answers, heartbeats."""
    leaving: bool
    """Whether the venue said that it will close this link."""

    def hear(self, frame: bytes) -> None:
        """Called in the very call that read the frame."""
        ...


class Custom(Protocol):
    """What a venue is like, as far as a link's life goes."""

    @property
    def keep_alive(self) -> KeepAlive | None: ...

    async def quiet(self, silent_s: float) -> bool:
        """Asked when nothing came for ``silent_s``: is there really nothing to say?

        Raises TransientError or ProtocolError when that cannot be found out.
        """
        ...


class Talk:
    """A dialled link until it is closed."""

    def __init__(
        self,
        link: Link,
        ear: Ear,
        custom: Custom,
        *,
        clock: Clock,
        patience: Patience,
        elapsed_ns: Callable[[], int] = elapsed_ns,
    ) -> None:
        self._link, self._ear, self._custom = link, ear, custom
        self._clock, self._patience, self._elapsed_ns = clock, patience, elapsed_ns
        self._began = self._birthday = clock.monotonic()
        self.old_after_s = float("inf")
        self.leaving_after_s = float("inf")
        """A link that the venue will close is old at this age."""
        self._ended = asyncio.create_task(link.ended(), name="link ended")

    @property
    def delivered(self) -> bool:
        """Whether it said more than answers."""
        return self._said > 0

    @property
    def _said(self) -> int:
        """Frames about the market."""
        return self._link.frames - self._ear.beats

    @property
    def age_s(self) -> float:
        return self._clock.monotonic() - self._began

    def young_again(self) -> None:
        """No successor could be had: try again after a twentieth of the time, the old link lives meanwhile."""
        self._birthday = self._clock.monotonic() - self.old_after_s * 0.95

    async def say(self, requests: Sequence[str], *, every_s: float) -> None:
        """Send ``requests``, one each ``every_s``. Raises Disconnected."""
        for number, request in enumerate(requests):
            if number:
                await self._clock.sleep(every_s)
            try:
                await self._link.send(request)
            except ConnectionClosed:
                raise await self._link.ended() from None

    async def settle(self, settled: Coroutine[Any, Any, None], *, within_s: float) -> None:
        """Wait for the answers. Raises ProtocolError, Disconnected or DeadlineExceeded."""
        answers = asyncio.create_task(settled, name="answers")
        try:
            await asyncio.wait({answers, self._ended}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if answers.done():
                answers.result()
            elif self._ended.done():
                raise self._ended.result()
            else:
                raise DeadlineExceeded(f"no answer to the subscription within {within_s:g} s")
        finally:
            answers.cancel()

    async def until_old_or_lost(self) -> AlphaPlusError | None:
        """Why the link is of no more use; None when it is only old."""
        watch = asyncio.create_task(self._watch(), name="silence")
        try:
            await asyncio.wait({self._ended, watch}, return_when=asyncio.FIRST_COMPLETED)
            return self._ended.result() if self._ended.done() else watch.result()
        finally:
            watch.cancel()

    async def close(self) -> None:
        """With a closing handshake when the other side is there for it; within a second in any case."""
        closing = asyncio.create_task(self._link.close(), name="closing")
        await wait_within(self._clock, {closing}, CLOSE_WITHIN_S / 2)
        if not closing.done():
            self._link.drop()
        await wait_within(self._clock, {closing, self._ended}, CLOSE_WITHIN_S / 2)
        closing.cancel()
        self._ended.cancel()

    async def _watch(self) -> AlphaPlusError | None:
        clock, patience, link = self._clock, self._patience, self._link
        keep_alive = self._custom.keep_alive
        seen, silent_s, more_patience = self._said, 0.0, 1.0
        then, elapsed_then = clock.monotonic(), self._elapsed_ns()
        heard = told = then
        rhythm = Rhythm()
        rhythm.heard(seen, then - self._began)
        while True:
            await clock.sleep(patience.look_every_s)
            now, elapsed_now = clock.monotonic(), self._elapsed_ns()
            if (elapsed_now - elapsed_then) / 1e9 - (now - then) > _SLEPT_S:
                return Disconnected("the machine slept")
            # a stall of our own loop is not the silence of the other side
            silent_s += min(now - then, 2 * patience.look_every_s)
            then, elapsed_then = now, elapsed_now
            if (said := self._said) != seen or not link.reading:
                rhythm.heard(said - seen, now - heard)
                seen, silent_s, more_patience, heard = said, 0.0, 1.0, now
            limit_s, within_s = patience.limit(self._said, heard - self._began, rhythm)
            if silent_s >= limit_s * more_patience:
                if not await self._really_quiet(silent_s, within_s):
                    return Disconnected(f"connected but silent for {silent_s:.1f} s")
                silent_s, more_patience = 0.0, min(64.0, 2 * more_patience)
            if self._ear.leaving:
                self.old_after_s = min(self.old_after_s, self.leaving_after_s)
            if now - self._birthday >= self.old_after_s:
                return None
            if keep_alive is not None and now - told >= keep_alive.every_s:
                told = now
                try:
                    await self.say((keep_alive.text,), every_s=0.0)
                except Disconnected as error:
                    return error

    async def _really_quiet(self, silent_s: float, within_s: float | None) -> bool:
        """Whether there is nothing to say; False also where nobody can tell, or not ``within_s``."""
        try:
            async with asyncio.timeout(within_s):
                return await self._custom.quiet(silent_s)
        except RateLimited:
            return True  # no evidence of anything, and dialling anew would be a further question
        except (TransientError, ProtocolError, TimeoutError):
            return False
