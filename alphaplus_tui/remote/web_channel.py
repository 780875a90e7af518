"""The visitor's end of a WebSocket."""

import asyncio
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from alphaplus_tui.errors import Disconnected
from alphaplus_tui.remote.channel import Channel, NotAllowed
from alphaplus_tui.settings.addresses import is_loopback
from alphaplus_tui.wire.visit import LONGEST_FRAME


class WebChannel:
    """One binary message a frame."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        try:
            frame = await self._connection.recv(decode=False)
        except (OSError, WebSocketException) as error:
            raise Disconnected(str(error)) from None
        return bytes(frame)

    async def send(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame)
        except (OSError, WebSocketException) as error:
            raise Disconnected(str(error)) from None

    async def close(self) -> None:
        await self._connection.close()


async def meet(url: str, token: str, request: bytes, *, within_s: float) -> tuple[bytes, Channel]:
    """What the AlphaPlus behind ``url`` says to ``request``, and the channel to it."""
    try:
        async with asyncio.timeout(within_s):
            connection = await connect(
                url,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,  # it would cost the engine's loop milliseconds a frame
                proxy=None if is_loopback(urlsplit(url).hostname or "") else True,
                max_size=LONGEST_FRAME,
                close_timeout=1,
                ping_interval=None,  # the engine speaks each second; silence is noticed by the visitor
            )
            channel = WebChannel(connection)
            try:
                await channel.send(request)
                return await channel.receive(), channel
            except BaseException:
                await connection.close()
                raise
    except TimeoutError:
        raise Disconnected(f"no answer within {within_s:g} s ({url})") from None
    except InvalidStatus as error:
        status = error.response.status_code
        if status in {401, 403}:
            raise NotAllowed(f"{url} refuses the token (HTTP {status})") from None
        raise Disconnected(f"{url}: HTTP {status}") from None
    except (OSError, WebSocketException) as error:
        raise Disconnected(f"{url}: {error}") from None
