"""Serves the application beside the engine, in its loop, without touching its signals."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from ipaddress import IPv6Address, ip_address
from types import TracebackType
from typing import Self, cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from alphaplus_tui.api.connection import MOST_CONNECTIONS, Config
from alphaplus_tui.errors import AlphaPlusError

_GONE_WITHIN_S = 1
_CLOSED_WITHIN_S = 5.0
"""After a good-bye that nobody answers."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class CannotListen(AlphaPlusError):
    """The address is taken, or not ours."""

    title = "No API"


class ApiServer:
    """Listens from ``async with`` on; ``CannotListen`` where it cannot."""

    def __init__(self, app: ASGIApp, *, host: str, port: int) -> None:
        """port: 0 picks a free one."""
        self._app, self._host, self._port = app, host, port
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be asked, such as ``http://127.0.0.1:8710``."""
        return f"http://{_bracketed(self._host)}:{self._port}"

    async def __aenter__(self) -> Self:
        listening = await _listen(self._host, self._port)
        self._port = cast("int", listening.getsockname()[1])
        self._server = _Server(
            Config(
                self._app,
                loop=asyncio.get_running_loop(),
                ws=_Socket,
                ws_max_size=1_000_000,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=MOST_CONNECTIONS,
                timeout_graceful_shutdown=_GONE_WITHIN_S,
            )
        )
        self._serving = asyncio.create_task(self._server.serve([listening]), name="api")
        log.info("api_listens", url=self.url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._serving is not None
        self._server.should_exit = True
        await asyncio.wait({self._serving}, timeout=2.0 * _GONE_WITHIN_S)
        self._serving.cancel()
        with suppress(asyncio.CancelledError):
            await self._serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the program's business."""
        yield


class _Socket(WebSocketsSansIOProtocol):
    """A WebSocket that can be told good-bye although it takes nothing any more, and is gone soon after."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.writable.set()
            self.loop.call_later(_CLOSED_WITHIN_S, self.transport.abort)
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # refused with an answer, which is no defect of ours to be logged


async def _listen(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        family, kind, number, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        listening = socket.socket(family, kind, number)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(MOST_CONNECTIONS)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"the API cannot listen on {_bracketed(host)}:{port} ({reason}); set api.port") from None
    return listening


def _bracketed(host: str) -> str:
    with suppress(ValueError):
        return f"[{host}]" if isinstance(ip_address(host), IPv6Address) else host
    return host
