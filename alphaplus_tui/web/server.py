"""Serves the console in a browser: a page with a terminal, and a WebSocket for each tab."""

import asyncio
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
import textual_serve
from aiohttp import web

from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.web.doorman import Doorman, Handler, page
from alphaplus_tui.web.tab import ENDS_WITHIN_S, Tab

_LARGEST_MESSAGE = 1_000_000
_HEARTBEAT_S = 15.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class CannotServe(AlphaPlusError):
    """The address is taken, or not ours."""

    title = "No web console"


class WebServer:
    """Listens from ``async with`` on; ``CannotServe`` where it cannot. At its end every tab is closed."""

    def __init__(
        self, command: Sequence[str], *, host: str, port: int, names: Collection[str] = (), most_tabs: int = 8
    ) -> None:
        """command: what runs in each tab.

        port: 0 picks a free one.
        names: under which we may be asked, beside this machine's own and ``host``.
        """
        self._command, self._host, self._port, self._most_tabs = tuple(command), host, port, most_tabs
        self._link = ""
        self.link_is_new = asyncio.Event()
        """Set when a browser has used the link up, and there is another."""
        self._doorman = Doorman(
            {"127.0.0.1", "localhost", "::1", host.lower(), *(name.lower() for name in names)}, on_link=self._on_link
        )
        self._tabs: set[web.WebSocketResponse] = set()
        self._page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens, without the token."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    @property
    def link(self) -> str:
        """Lets the next browser in, once."""
        return self.url + self._link

    def _on_link(self, query: str) -> None:
        self._link = query
        self.link_is_new.set()

    async def __aenter__(self) -> Self:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._doorman.guard(request, handler)

        app = web.Application(middlewares=[guard])
        app.router.add_get("/", self._index)
        app.router.add_get("/ws", self._tab)
        app.router.add_static("/static", Path(textual_serve.__file__).parent / "static")
        app.on_response_prepare.append(_protect)
        app.on_shutdown.append(self._close_tabs)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=ENDS_WITHIN_S + 1)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or str(error)
            raise CannotServe(f"cannot listen on {self._host}:{self._port} ({reason}); --port names another") from None
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _close_tabs(self, _: web.Application) -> None:
        for socket in list(self._tabs):
            await socket.close(code=1001, message=b"AlphaPlus ends")

    async def _index(self, request: web.Request) -> web.Response:
        if len(self._tabs) >= self._most_tabs:
            raise web.HTTPServiceUnavailable(text=f"{self._most_tabs} tabs are open already; close one\n")
        nonce = secrets.token_urlsafe(16)
        answer = web.Response(text=page(self._page, nonce=nonce), content_type="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
            f"font-src 'self'; img-src 'self' data:; connect-src 'self' ws://{request.host} wss://{request.host}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return answer

    async def _tab(self, request: web.Request) -> web.StreamResponse:
        if len(self._tabs) >= self._most_tabs:
            raise web.HTTPServiceUnavailable(text=f"{self._most_tabs} tabs are open already\n")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_LARGEST_MESSAGE)
        self._tabs.add(socket)
        try:
            await socket.prepare(request)
            log.info("tab_opened", tabs=len(self._tabs))
            await Tab(self._command, socket).serve(_number(request, "width", 80), _number(request, "height", 24))
        except (OSError, ValueError) as error:
            log.warning("tab_failed", error=repr(error))
        finally:
            self._tabs.discard(socket)
            await socket.close()
            log.info("tab_closed", tabs=len(self._tabs))
        return socket


def _number(request: web.Request, name: str, usual: int) -> int:
    said = request.query.get(name, "")
    return int(said) if said.isdecimal() and len(said) < 6 else usual


async def _protect(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers.popall("Server", None)
