"""Builds the application: routes, problems, metrics and streams behind one guard."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from fastapi import Depends, FastAPI, WebSocket
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from alphaplus_tui import __version__
from alphaplus_tui.api import stream
from alphaplus_tui.api.door import Door
from alphaplus_tui.api.guard import Guard
from alphaplus_tui.api.metrics import StateCollector
from alphaplus_tui.api.openapi import describe
from alphaplus_tui.api.parameters import only_known_parameters
from alphaplus_tui.api.problems import answer_problems
from alphaplus_tui.api.routes import account, health, market, models, opinions, system
from alphaplus_tui.session.session import Session
from alphaplus_tui.settings.api import ApiSettings

SessionSocket = Callable[[WebSocket], Awaitable[None]]
"""Serves a whole session to an attached console until one of both goes away; accepts the socket itself."""

_OUR_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def create_app(
    session: Session,
    *,
    token: str,
    settings: ApiSettings,
    session_socket: SessionSocket | None = None,
    clock: Callable[[], float] = time.monotonic,
    time_ns: Callable[[], int] = time.time_ns,
    slow_after_s: float = 5.0,
) -> ASGIApp:
    """The whole API of one session.

    session_socket: who serves ``WS /api/v1/session``; the path is not there without one.
    clock: what rates are measured against. time_ns: this machine's time, UTC ns.
    slow_after_s: a client of the stream that has not taken a frame by then is let go.
    """
    answers: Counter[int] = Counter()
    app = create_routes(Door(session, time_ns=time_ns), answers, session_socket)
    app.state.slow_after_s = slow_after_s
    return Guard(app, token=token, hosts=allowed_hosts(settings), answers=answers, clock=clock)


def create_routes(door: Door, answers: Mapping[int, int], session_socket: SessionSocket | None = None) -> FastAPI:
    """The routes without their guard. answers: how many of each status were given."""
    app = FastAPI(
        title="AlphaPlus",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(only_known_parameters)],
    )
    app.state.door, app.state.collector = door, StateCollector(door, lambda: answers)
    answer_problems(app)
    for routes in (health, system, market, models, opinions, account, stream):
        app.include_router(routes.router)
    if session_socket is not None:
        app.router.routes.append(WebSocketRoute("/api/v1/session", session_socket))
    describe(app)
    return app


def allowed_hosts(settings: ApiSettings) -> frozenset[str]:
    """The names under which we may be asked, in lower case."""
    return _OUR_NAMES | {settings.host.lower(), *(host.lower() for host in settings.allowed_hosts)}
