"""Opens the HTTP API beside an engine; that it cannot be had is no failure of the engine."""

# ruff: noqa: PLC0415  FastAPI and uvicorn are imported when they are wanted

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import structlog

from alphaplus_tui.errors import AlphaPlusError

if TYPE_CHECKING:
    from alphaplus_tui.api.server import ApiServer
    from alphaplus_tui.session.session import Session
    from alphaplus_tui.settings.api import ApiSettings

_STARTS_WITHIN_S = 10.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Api:
    """The API of one session: opened while the engine starts, closed before it stops."""

    def __init__(self, session: Session, settings: ApiSettings, token: str | None) -> None:
        """token: None where nothing is to be served."""
        self._session, self._settings, self._token = session, settings, token
        self.url: str | None = None
        """Where it listens, once it does."""
        self._held = AsyncExitStack()
        self._opening: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Starts to open it; the libraries are loaded in a thread meanwhile."""
        if self._token is not None and self._opening is None:
            self._opening = asyncio.create_task(self._open(self._token), name="open the API")

    async def opened(self) -> str | None:
        """Its address once it listens; None where it is not served, or cannot be."""
        if self._opening is None:
            return None
        await asyncio.wait({self._opening}, timeout=_STARTS_WITHIN_S)
        return self.url

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        await self._held.aclose()

    async def _open(self, token: str) -> None:
        try:
            server = await self._held.enter_async_context(await asyncio.to_thread(self._build, token))
        except AlphaPlusError as error:
            log.warning("no_api", reason=str(error))
        else:
            self.url = server.url

    def _build(self, token: str) -> ApiServer:
        from alphaplus_tui.api.app import create_app
        from alphaplus_tui.api.server import ApiServer
        from alphaplus_tui.remote.visits import receive_web_visit

        settings = self._settings
        visited = partial(receive_web_visit, self._session)
        app = create_app(self._session, token=token, settings=settings, session_socket=visited)
        return ApiServer(app, host=settings.host, port=settings.port)
