"""Answers other processes of the same user over the control socket."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.remote.channel import StreamChannel
from alphaplus_tui.remote.visits import serve_visit, welcome
from alphaplus_tui.session.session import Session
from alphaplus_tui.wire.control import (
    LONGEST_DEADLINE_S,
    LONGEST_REQUEST,
    VERSION,
    Answer,
    Failure,
    Heard,
    Request,
    Welcome,
    decode_request,
    encode,
    pack_answer,
    status_of,
)

_MOST_CLIENTS = 16


class ControlServer:
    """One JSON line in, one JSON line out, for each client in turn, or a visit when that was asked for.

    Only whoever owns the folder can connect.
    """

    def __init__(self, session: Session, socket: Path, *, idle_s: float = 30.0) -> None:
        self._session, self._socket, self._idle_s = session, socket, idle_s
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        # whoever holds the engine lock may remove what a killed engine left behind
        self._socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, path=self._socket, limit=LONGEST_REQUEST)
        self._socket.chmod(0o600)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for client in self._clients:
            client.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=1)
        self._socket.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if len(self._clients) > _MOST_CLIENTS:
                await self._say(writer, Failure(f"{_MOST_CLIENTS} others are asking already; try again"))
            else:
                await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # a client that went away, fell silent, or met our end
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    line = await reader.readline()
            except ValueError:
                await self._say(writer, Failure(f"a request has at most {LONGEST_REQUEST} bytes"))
                return
            if not line:
                return
            try:
                request = decode_request(line)
            except msgspec.DecodeError as error:
                await self._say(writer, Failure(f"no request of version {VERSION}: {error}"))
                continue
            if request.ask == "session":
                await self._begin_visit(request, reader, writer)
                return
            await self._say(writer, await self._answer(request))

    async def _begin_visit(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = welcome(request)
        await self._say(writer, answer)
        if isinstance(answer, Welcome):
            await serve_visit(self._session, StreamChannel(reader, writer))

    async def _answer(self, request: Request) -> Answer:
        if request.version != VERSION:
            return Failure(f"this AlphaPlus speaks version {VERSION}, not {request.version}: use the same release")
        try:
            match request:
                case Request(ask="status"):
                    return status_of(self._session.state, pid=os.getpid(), monotonic=time.monotonic())
                case Request(ask="send", command=command) if command is not None:
                    return Heard(await self._session.send(command))
                case Request(ask="query", query=query) if query is not None:
                    deadline_s = min(max(0.0, request.deadline_s), LONGEST_DEADLINE_S)
                    return pack_answer(await self._session.ask(query, deadline_s=deadline_s))
                case _:
                    return Failure(f"a request to {request.ask} must say what")
        except AlphaPlusError as error:
            return Failure(str(error))

    async def _say(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        writer.write(encode(answer))
        with suppress(ConnectionError):
            async with asyncio.timeout(self._idle_s):
                await writer.drain()
