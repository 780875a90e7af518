"""Carries the frames of a visit: over the control socket, or over a WebSocket."""

import asyncio
from pathlib import Path
from typing import Final, Protocol

from alphaplus_tui.errors import AlphaPlusError, Disconnected
from alphaplus_tui.wire.visit import LONGEST_FRAME

_HEADER: Final = 4
_WAITING: Final = 64 * 1024
"""Bytes that may wait to be sent before ``send`` waits, and to be read before the other side has to wait."""
_MEET_WITHIN_S = 5.0


class NotAllowed(AlphaPlusError):
    """The token is missing or wrong."""

    title = "Not allowed"


class Channel(Protocol):
    """Frames in order, both ways; every method raises ``Disconnected`` when the other side is gone."""

    async def receive(self) -> bytes: ...

    async def send(self, frame: bytes) -> None:
        """Returns when the other side has taken enough of what was sent before."""
        ...

    async def close(self) -> None: ...


class StreamChannel:
    """Frames on a stream, each after its length (4 bytes, big-endian)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sending = asyncio.Lock()
        writer.transport.set_write_buffer_limits(high=_WAITING)

    async def receive(self) -> bytes:
        try:
            length = int.from_bytes(await self._reader.readexactly(_HEADER), "big")
            if length > LONGEST_FRAME:
                raise Disconnected(f"a frame of {length} bytes was announced; {LONGEST_FRAME} are the most")
            return await self._reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Disconnected(str(error)) from None

    async def send(self, frame: bytes) -> None:
        async with self._sending:
            try:
                self._writer.write(len(frame).to_bytes(_HEADER, "big"))
                self._writer.write(frame)
                await self._writer.drain()
            except OSError as error:
                raise Disconnected(str(error)) from None

    async def close(self) -> None:
        self._writer.close()


async def meet_on_socket(socket: Path, request: bytes) -> tuple[bytes, Channel]:
    """What the AlphaPlus behind the control socket says to ``request`` (a line each), and the channel to it."""
    try:
        async with asyncio.timeout(_MEET_WITHIN_S):
            reader, writer = await asyncio.open_unix_connection(socket, limit=_WAITING)
            try:
                writer.write(request)
                answer = await reader.readline()
            except BaseException:
                writer.close()
                raise
    except TimeoutError:
        raise Disconnected(f"no answer within {_MEET_WITHIN_S:g} s ({socket})") from None
    except (OSError, ValueError) as error:
        raise Disconnected(f"{socket}: {error}") from None
    return answer, StreamChannel(reader, writer)


async def meet_on_web(url: str, token: str, request: bytes) -> tuple[bytes, Channel]:
    """The same over the WebSocket of an API; ``NotAllowed`` when the token is refused.

    url: of the route, such as ``ws://127.0.0.1:8710/api/v1/session``.
    """
    from alphaplus_tui.remote.web_channel import meet  # noqa: PLC0415  brings websockets, which a local visit needs not

    return await meet(url, token, request, within_s=_MEET_WITHIN_S)
