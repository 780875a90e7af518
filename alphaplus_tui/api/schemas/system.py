"""What the answers about the program itself look like."""

from typing import Literal, Self

from alphaplus_tui.api.schemas.common import Part
from alphaplus_tui.state.slices import ServiceRow


class Alive(Part):
    alive: Literal[True] = True


class UnhealthyPart(Part):
    part: str
    """`engine`, `database`, `service:NAME` or `feed:EXCHANGE:SYMBOL`."""
    reason: str


class Readiness(Part):
    ready: bool
    unhealthy: list[UnhealthyPart]


class Service(Part):
    """One service and how it is."""

    name: str
    state: str
    """WAITING, STARTING, RUNNING, BACKING_OFF, STOPPED or FAILED."""
    health: str
    """OK or DEGRADED."""
    reason: str
    after: list[str]
    """Those that start before it."""
    restarts: int
    last_error: str

    @classmethod
    def of(cls, row: ServiceRow) -> Self:
        return cls(
            name=row.name,
            state=row.state,
            health=row.health,
            reason=row.reason,
            after=list(row.after),
            restarts=row.restarts,
            last_error=row.last_error,
        )


class Accepted(Part):
    """The wish is carried out; its effect shows in what is listed."""

    accepted: Literal[True] = True
