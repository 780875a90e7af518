"""Serves a session to visitors, each over a channel of its own."""

import asyncio
import os
import time
from contextlib import suppress
from functools import partial
from typing import Protocol

import msgspec
import structlog

from alphaplus_tui import __version__
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, Disconnected
from alphaplus_tui.remote.channel import Channel
from alphaplus_tui.session.session import Session
from alphaplus_tui.wire.control import (
    LONGEST_DEADLINE_S,
    VERSION,
    Failure,
    Request,
    Welcome,
    decode_request,
    encode,
)
from alphaplus_tui.wire.telling import Teller
from alphaplus_tui.wire.visit import (
    LONGEST_FRAME,
    Answer,
    EngineFrame,
    Forget,
    NoAnswer,
    Question,
    Told,
    Update,
    Wish,
    decode_visitor,
    encode_frame,
    encode_value,
    shape,
)

_EVERY_S = 0.1
"""Between two updates to a visitor who is told everything."""
_SILENCE_S = 1.0
"""The longest without an update, so that a visitor knows the clocks and that we live."""
_AT_MOST = 1_500
"""How much one update tells (``wire.telling``): 1–2 ms of the event loop."""
_STUCK_S = 15 * 60.0
"""How long a visitor may take nothing of what was sent before it is let go."""
_MOST_AT_ONCE = 8
"""Wishes and questions of one visitor."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class WebSocket(Protocol):
    """The server's end of a WebSocket; each method raises when the other side is gone."""

    async def accept(self) -> None: ...

    async def receive_bytes(self) -> bytes: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self) -> None: ...


def welcome(request: Request) -> Welcome | Failure:
    """What a request for a session is answered with."""
    if request.version != VERSION or request.shape != shape():
        return Failure(
            f"this AlphaPlus is release {__version__} and its visitor release {request.release or 'unknown'}, "
            "and they speak differently: use the same release"
        )
    return Welcome(__version__, os.getpid())


async def serve_visit(session: Session, channel: Channel) -> None:
    """Tells the visitor of ``channel`` the state, and carries its wishes and questions, until it is gone."""
    visit = _Visit(session, channel)
    telling = asyncio.create_task(visit.tell(), name="tell a visitor")
    hearing = asyncio.create_task(visit.hear(), name="hear a visitor")
    log.info("visitor_came")
    try:
        await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, hearing, *visit.carrying.values()):
            task.cancel()
        results = await asyncio.gather(telling, hearing, *visit.carrying.values(), return_exceptions=True)
        with suppress(AlphaPlusError, OSError):
            await channel.close()
        log.info("visitor_left")
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, (Disconnected, DeadlineExceeded)):
            log.error("visit_failed", error=repr(result))


class _Visit:
    """One visitor."""

    def __init__(self, session: Session, channel: Channel) -> None:
        self._session, self._channel = session, channel
        self.carrying: dict[int, asyncio.Task[None]] = {}
        """Wishes and questions that have no answer yet, by the visitor's number."""

    async def tell(self) -> None:
        """The state at first, then what changed. A slow visitor is told less often, never more at once."""
        teller, said_at = Teller(self._session.state), 0.0
        while True:
            news = teller.news(at_most=_AT_MOST)
            now = time.monotonic()
            if news.slices or not news.whole or now - said_at >= _SILENCE_S:
                said_at = now
                await self._say(Update(news.whole, time.time_ns(), time.monotonic_ns(), news.slices))
            await asyncio.sleep(_EVERY_S if news.whole else 0)

    async def hear(self) -> None:
        while True:
            frame = decode_visitor(await self._channel.receive())
            if isinstance(frame, Forget):
                if frame.number in self.carrying:
                    self.carrying[frame.number].cancel()
            elif len(self.carrying) >= _MOST_AT_ONCE or frame.number in self.carrying:
                reason = f"{_MOST_AT_ONCE} wishes and questions of this visitor are waiting already"
                await self._say(NoAnswer(frame.number, "", reason))
            else:
                work = self._carry_out(frame) if isinstance(frame, Wish) else self._answer(frame)
                task = asyncio.create_task(work, name="carry for a visitor")
                self.carrying[frame.number] = task
                task.add_done_callback(partial(self._carried, frame.number))

    def _carried(self, number: int, task: asyncio.Task[None]) -> None:
        del self.carrying[number]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("wish_or_question_failed", error=repr(error))

    async def _carry_out(self, wish: Wish) -> None:
        await self._reply(Told(wish.number, await self._session.send(wish.command)))

    async def _answer(self, question: Question) -> None:
        deadline_s = min(max(0.0, question.deadline_s), LONGEST_DEADLINE_S)
        try:
            value = encode_value(await self._session.ask(question.query, deadline_s=deadline_s))
        except AlphaPlusError as error:
            await self._reply(NoAnswer(question.number, type(error).__name__, str(error)))
            return
        if len(bytes(value)) > LONGEST_FRAME - 1024:
            await self._reply(NoAnswer(question.number, "", "the answer is too long to be sent; ask for less"))
        else:
            await self._reply(Answer(question.number, value))

    async def _reply(self, frame: EngineFrame) -> None:
        with suppress(Disconnected, DeadlineExceeded):  # whoever hears or tells notices it too
            await self._say(frame)

    async def _say(self, frame: EngineFrame) -> None:
        try:
            async with asyncio.timeout(_STUCK_S):
                await self._channel.send(encode_frame(frame))
        except TimeoutError:
            raise DeadlineExceeded(f"a visitor took nothing for {_STUCK_S:g} s") from None


async def receive_web_visit(session: Session, socket: WebSocket) -> None:
    """Serves a visitor of the API, from accepting the socket to closing it."""
    channel = _ServedWebSocket(socket)
    try:
        await socket.accept()
        answer = _answer_to(await channel.receive())
        await channel.send(encode(answer))
        if isinstance(answer, Welcome):
            await serve_visit(session, channel)
        else:
            await channel.close()
    except Disconnected:
        return


def _answer_to(line: bytes) -> Welcome | Failure:
    try:
        request = decode_request(line)
    except msgspec.DecodeError as error:
        return Failure(f"no request of version {VERSION}: {error}")
    return welcome(request) if request.ask == "session" else Failure("only sessions are served here")


class _ServedWebSocket:
    """The engine's end of a WebSocket as a channel."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._sending = asyncio.Lock()

    async def receive(self) -> bytes:
        try:
            return await self._socket.receive_bytes()
        except Exception as error:
            raise Disconnected(str(error)) from error

    async def send(self, frame: bytes) -> None:
        async with self._sending:
            try:
                await self._socket.send_bytes(frame)
            except Exception as error:
                raise Disconnected(str(error)) from error

    async def close(self) -> None:
        with suppress(Exception):  # likewise: it may be closed already
            await self._socket.close()
