"""One HTTP connection: whole requests in time; where all places are taken, one that asks nothing makes room."""

import asyncio

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from alphaplus_tui.api.guard import REFUSED
from alphaplus_tui.api.rate import Bucket

MOST_CONNECTIONS = 16

_WHOLE_REQUEST_WITHIN_S = 5.0
_ROOM_PER_S, _ROOM_AT_ONCE = 50.0, 16.0
"""A flood that opens connections faster than that is refused at accept, which costs next to nothing."""
_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)


class Config(uvicorn.Config):
    """With what the connections of one server share."""

    def __init__(self, app: ASGIApp, *, loop: asyncio.AbstractEventLoop, **others: object) -> None:
        super().__init__(app, http=Connection, **others)  # pyright: ignore[reportArgumentType]  # handed on as they are
        self.room = Bucket(_ROOM_PER_S, _ROOM_AT_ONCE, loop.time)


class Connection(H11Protocol):
    """Refused where there are too many that are being answered; ended where a request is not whole in time."""

    config: Config
    _heard_at: float | None = None
    """When it came, or asked last; None: it was refused, and never ours."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        if len(self.connections) >= MOST_CONNECTIONS and not self._made_room():
            transport.abort()
            return
        super().connection_made(transport)
        self._heard_at = self.loop.time()
        self._await_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in _INCOMPLETE:
            self._await_request()
        else:
            self._heard_at = self.loop.time()
            self._await_nothing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state in _INCOMPLETE:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._heard_at is None:
            return
        self._await_nothing()
        super().connection_lost(exc)

    @property
    def _is_in_the_way(self) -> bool:
        """Nobody is waiting for its answer: it has not asked yet, or waits for its refusal."""
        return self.conn.their_state in _INCOMPLETE or bool(self.scope and REFUSED in self.scope.get("state", ()))

    def _made_room(self) -> bool:
        """Whether one that was in the way is gone, the one that was heard longest ago."""
        others = [one for one in self.connections if isinstance(one, Connection) and one._is_in_the_way]  # noqa: SLF001  our own kind
        if not others or not self.config.room.take():
            return False
        oldest = min(others, key=lambda one: one._heard_at or 0.0)  # noqa: SLF001
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(_WHOLE_REQUEST_WITHIN_S, self._give_up)

    def _await_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self in self.connections:
            self.transport.abort()
