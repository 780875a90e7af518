"""Whether the process lives and is ready, and its metrics: told from the state, whatever the outside does."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from alphaplus_tui.api.door import Visited
from alphaplus_tui.api.metrics import CONTENT_TYPE, exposition
from alphaplus_tui.api.schemas.system import Alive, Readiness, UnhealthyPart
from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.state.view import ONLY, StateView

router = APIRouter(tags=["health"])

_FEEDS_THAT_WORK = frozenset({FeedState.LIVE, FeedState.BACKFILLING, FeedState.GAP, FeedState.ENDED, "DELISTED"})
_MAY_BE_DEGRADED = frozenset({"alerts", "sentiment", "retention", "training", "reasons", "model_watch"})
"""Services without which markets are followed and judged as well; they must run all the same."""


@router.get("/livez", summary="Whether the process lives")
async def livez() -> Alive:
    """Open to everybody; says nothing but that there is somebody to answer."""
    return Alive()


@router.get("/readyz", summary="Whether every needed part is healthy", responses={503: {"model": Readiness}})
async def readyz(door: Visited, response: Response) -> Readiness:
    """503 with the list of what is not healthy; looked up, never waited for."""
    unhealthy = unhealthy_parts(door.state)
    if unhealthy:
        response.status_code = 503
    return Readiness(ready=not unhealthy, unhealthy=unhealthy)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """In its text format, version 0.0.4."""
    return Response(exposition(request.app.state.collector), media_type=CONTENT_TYPE)


def unhealthy_parts(state: StateView) -> list[UnhealthyPart]:
    """Every needed part that is not as it must be, and why."""
    found: list[UnhealthyPart] = []

    def add(part: str, reason: str) -> None:
        found.append(UnhealthyPart(part=part, reason=reason))

    system, database = state.system.get(ONLY), state.database.get(ONLY)
    if system is None or system.startup_s is None:
        add("engine", "is starting")
    elif system.stopping:
        add("engine", "is stopping")
    for service in state.services.values():
        if service.state != "RUNNING":
            add(f"service:{service.name}", f"{service.state} {service.reason or service.last_error}".strip())
        elif service.health != "OK" and service.name not in _MAY_BE_DEGRADED:
            add(f"service:{service.name}", service.reason)
    if database is None or not database.connected:
        add("database", database.reason if database else "is not there yet")
    for feed in state.feeds.values():
        if feed.state not in _FEEDS_THAT_WORK:
            add(f"feed:{feed.instrument}", f"{feed.state} {feed.reason}".strip())
    return found
