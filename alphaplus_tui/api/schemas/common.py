"""What answers of every kind share: pages, times, numbers that may not be known."""

from math import isfinite
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from alphaplus_tui.domain.instants import iso_time

T = TypeVar("T")

LONGEST_PAGE = 1_000


class Part(BaseModel):
    """Of an answer: frozen, and described by the docstrings of its attributes."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00.25Z"])]
"""ISO 8601 in UTC."""


class Page(Part, Generic[T]):
    """Some of a list."""

    items: list[T]
    next: str | None
    """`after` of the page that follows; null where there is none now."""


def moment(ts: int | None) -> str | None:
    """UTC ns as text; None and 0 are times that are not known."""
    return iso_time(ts) if ts else None


def finite(value: float | None) -> float | None:
    """None where there is no number."""
    return value if value is not None and isfinite(value) else None
