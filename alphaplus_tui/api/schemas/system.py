"""What the answers about the program itself look like."""

from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    alive: Literal[True] = True


class UnhealthyPart(BaseModel):
    part: str
    """`engine`, `database`, `service:NAME` or `feed:EXCHANGE:SYMBOL`."""
    reason: str


class Readiness(BaseModel):
    ready: bool
    unhealthy: list[UnhealthyPart]
