"""Services: how they are, and the wish to restart one."""

from fastapi import APIRouter

from alphaplus_tui.api.door import Visited
from alphaplus_tui.api.openapi import problems
from alphaplus_tui.api.paging import After, Limit, by_name
from alphaplus_tui.api.schemas.common import Page
from alphaplus_tui.api.schemas.system import Accepted, Service
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.session.commands import RestartService

router = APIRouter(prefix="/api/v1", tags=["services"])


@router.get("/services", summary="States, health, restarts, last errors")
async def services(door: Visited, limit: Limit = 100, after: After = None) -> Page[Service]:
    """In the order of their names."""
    rows, following = by_name(door.state.services.values(), lambda row: row.name, limit=limit, after=after)
    return Page(items=[Service.of(row) for row in rows], next=following)


@router.post(
    "/services/{name}/restart",
    summary="Restart a service",
    status_code=202,
    responses=problems(not_found="there is no such service", conflict="it cannot be restarted now"),
)
async def restart(door: Visited, name: str) -> Accepted:
    """Accepted as soon as it is on its way; the state shows in the list of services."""
    if name not in door.state.services:
        raise UnknownName("service", name, door.state.services)
    await door.send(RestartService(name))
    return Accepted()
