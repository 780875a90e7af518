"""The session of an AlphaPlus that runs elsewhere: its state mirrored here, wishes and questions sent there."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from alphaplus_tui import __version__, errors
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, Disconnected
from alphaplus_tui.remote.channel import Channel, NotAllowed
from alphaplus_tui.remote.client import NoAnswer
from alphaplus_tui.remote.clock import RemoteClock
from alphaplus_tui.remote.mirror import Mirror
from alphaplus_tui.session.commands import Command, Refused, Reply
from alphaplus_tui.session.queries import AnyQuery, Query
from alphaplus_tui.state.view import StateView
from alphaplus_tui.wire import visit
from alphaplus_tui.wire.control import ANSWERS, VERSION, Failure, Request, Welcome, decode_answer, encode

A = TypeVar("A")

Meet = Callable[[bytes], Awaitable[tuple[bytes, Channel]]]
"""Says a line to the AlphaPlus that is visited; returns its line and the channel."""

_SILENCE_S = 3.0
"""An AlphaPlus that lives says something each second."""
_WHOLE_WITHIN_S = 10.0
_ON_THE_WAY_S = 2.0
_WISH_WITHIN_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class NotWelcome(AlphaPlusError):
    """The running AlphaPlus turns us away, or is of a release that speaks otherwise."""

    title = "Not attached"


class RemoteSession:
    """Satisfies ``Session``; ``async with`` connects, and it stays connected, dialling again whenever it is lost."""

    def __init__(
        self, meet: Meet, address: str, *, clock: RemoteClock | None = None, silence_s: float = _SILENCE_S
    ) -> None:
        """address: how people call the place.

        silence_s: the time without a word after which the connection counts as lost.
        """
        self.clock = clock or RemoteClock()
        self._meet, self._address, self._silence_s = meet, address, silence_s
        self._mirror = Mirror()
        self._channel: Channel | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._reason = ""
        self._whole = asyncio.Event()
        self._staying: asyncio.Task[None] | None = None
        self._forgetting: set[asyncio.Future[None]] = set()

    @property
    def state(self) -> StateView:
        return self._mirror.shown

    async def __aenter__(self) -> Self:
        """Returns when the whole state is there.

        Raises ``Disconnected``, ``NotWelcome`` or ``NotAllowed`` when it cannot be had.
        """
        channel = await self._dial()
        self._staying = asyncio.create_task(self._stay(channel), name="stay connected")
        try:
            async with asyncio.timeout(_WHOLE_WITHIN_S):
                await self._whole.wait()
        except BaseException as error:
            await self._leave()
            if isinstance(error, TimeoutError):
                reason = self._reason or f"its state was not told within {_WHOLE_WITHIN_S:g} s"
                raise Disconnected(f"{self._address}: {reason}") from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def send(self, command: Command) -> Reply:
        try:
            frame = await self._call(lambda number: visit.Wish(number, command), _WISH_WITHIN_S)
        except DeadlineExceeded as error:
            return Refused(f"{error}; it may be done yet")
        except AlphaPlusError as error:
            return Refused(str(error))
        return frame.reply if isinstance(frame, visit.Told) else Refused(frame.reason)

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        """As ``Session.ask``; ``Disconnected`` while the connection is lost."""
        wanted = cast("AnyQuery", query)
        frame = await self._call(lambda number: visit.Question(number, wanted, deadline_s), deadline_s + _ON_THE_WAY_S)
        if isinstance(frame, visit.NoAnswer):
            raise _error(frame)
        try:
            return cast("A", msgspec.msgpack.decode(frame.value, type=ANSWERS[type(query)]))
        except msgspec.DecodeError as error:
            raise NotWelcome(f"{self._address} speaks otherwise ({error}); use the same release") from None

    async def _call(self, make: Callable[[int], visit.Wish | visit.Question], within_s: float) -> Any:
        """The frame that answers the one made; ``Disconnected``, also when that happens before the answer."""
        channel = self._channel
        if channel is None:
            raise Disconnected(f"not connected to {self._address}; trying again")
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                await channel.send(visit.encode_frame(make(number)))
                frame = await answer
        except TimeoutError:
            raise DeadlineExceeded(f"no answer from {self._address} within {within_s:g} s") from None
        finally:
            self._waiting.pop(number, None)
            if self._channel is channel and (not answer.done() or answer.cancelled()):
                self._forget(channel, number)
        if frame is None:
            raise Disconnected("the connection was lost before the answer; it may be done yet")
        return frame

    def _forget(self, channel: Channel, number: int) -> None:
        task = asyncio.ensure_future(_quietly(channel.send(visit.encode_frame(visit.Forget(number)))))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _dial(self) -> Channel:
        request = Request(VERSION, "session", release=__version__, shape=visit.shape())
        line, channel = await self._meet(encode(request))
        try:
            answer = decode_answer(line)
        except msgspec.DecodeError as error:
            await channel.close()
            if not line:
                raise Disconnected(f"{self._address} hung up") from None
            raise NotWelcome(f"{self._address} speaks otherwise ({error}); use the same release") from None
        if not isinstance(answer, Welcome):
            await channel.close()
            reason = answer.reason if isinstance(answer, Failure) else f"it said {type(answer).__name__}"
            raise NotWelcome(f"{self._address}: {reason}")
        return channel

    async def _stay(self, channel: Channel | None) -> None:
        pause_s = _FIRST_PAUSE_S
        jitter = Random()  # noqa: S311  spreads consoles that dial again, no secret
        while True:
            try:
                if channel is None:
                    channel = await self._dial()
                pause_s = _FIRST_PAUSE_S
                await self._visit(channel)
            except (Disconnected, NotAllowed, NotWelcome) as error:
                self._lost(str(error))
            channel = None
            await asyncio.sleep(pause_s * jitter.uniform(0.5, 1.0))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _visit(self, channel: Channel) -> None:
        """Until the connection is lost, which is raised as ``Disconnected``."""
        self._mirror.begin()
        self.clock.forget()
        try:
            while True:
                async with asyncio.timeout(self._silence_s):
                    frame = visit.decode_engine(await channel.receive())
                self._hear(channel, frame)
        except TimeoutError:
            raise Disconnected(f"{self._address} said nothing for {self._silence_s:g} s") from None
        except (msgspec.DecodeError, ValueError) as error:
            raise NotWelcome(f"{self._address} speaks otherwise ({error}); use the same release") from None
        finally:
            self._channel = None
            await _quietly(channel.close())

    def _hear(self, channel: Channel, frame: visit.EngineFrame) -> None:
        if not isinstance(frame, visit.Update):
            waiting = self._waiting.get(frame.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
            return
        self.clock.heard(frame.wall_ns, frame.monotonic_ns)
        self._mirror.take(frame.slices, whole=frame.whole)
        if frame.whole and self._channel is None:
            self._channel = channel
            self._mirror.connected(self._address, self.clock.time_ns())
            self._whole.set()

    def _lost(self, reason: str) -> None:
        self._reason = reason
        if self._whole.is_set():
            self._mirror.lost(self._address, reason, self.clock.time_ns())
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    async def _leave(self) -> None:
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait({self._staying, *self._forgetting})


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except (AlphaPlusError, OSError):
        return


def _error(frame: visit.NoAnswer) -> AlphaPlusError:
    """The error that stood in the way there, as far as it is of a plain kind."""
    found = getattr(errors, frame.error, None)
    if isinstance(found, type) and issubclass(found, AlphaPlusError) and found.__init__ is AlphaPlusError.__init__:
        return found(frame.reason)
    return NoAnswer(frame.reason)
