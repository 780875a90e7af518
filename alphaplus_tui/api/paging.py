"""Cuts lists into pages: of what is in memory by name, of what is stored from the newest backwards."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Query

from alphaplus_tui.api.problems import invalid
from alphaplus_tui.api.schemas.common import LONGEST_PAGE
from alphaplus_tui.domain.instants import nanoseconds

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="How many at most.")]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Since = Annotated[datetime | None, Query(description="From this time on; without a zone it is UTC.")]
SymbolFilter = Annotated[str | None, Query(max_length=100, description="Only of this one, such as BTC/USDT.")]
Symbol = Annotated[str, Query(max_length=100, description="Such as BTC/USDT.")]

_LATEST = 2**63 - 1
_TICK_NS = 1_000
"""Stored times are whole microseconds."""
_MOST_ASKED = 20_000


def since_ns(since: datetime | None) -> int:
    """UTC ns that a database can be asked about; 0 where nothing was said."""
    return 0 if since is None else min(max(0, nanoseconds(since)), _LATEST)


def by_name(
    rows: Iterable[T], name: Callable[[T], str], *, limit: int, after: str | None
) -> tuple[list[T], str | None]:
    """A page in the order of names, and the cursor of the next one."""
    found = sorted((row for row in rows if after is None or name(row) > after), key=name)
    return found[:limit], name(found[limit - 1]) if len(found) > limit else None


async def newest_first(
    ask: Callable[[int | None, int], Awaitable[Iterable[T]]],
    place: Callable[[T], tuple[int, str]],
    *,
    since: int,
    limit: int,
    after: str | None,
) -> tuple[list[T], str | None]:
    """A page of stored rows, the newest first, and the cursor of the next one.

    ask: the newest rows before a time (UTC ns), at most so many, those of one time in the order of their ids.
    place: time and id of a row.
    """
    start = None if after is None else split_cursor(after)
    before = None if start is None else min(start[0] + _TICK_NS, _LATEST)
    wanted = limit + 1 if start is None else limit + 33
    while True:
        rows = list(await ask(before, wanted))
        found = [row for row in rows if start is None or _is_later(place(row), start)]
        if len(found) > limit or len(rows) < wanted or wanted >= _MOST_ASKED:
            break
        wanted *= 4  # so many of one time
    found = [row for row in found if place(row)[0] >= since]
    more = len(found) > limit
    return found[:limit], _text(place(found[limit - 1])) if more else None


def split_cursor(after: str) -> tuple[int, str]:
    """The number and the rest of ``NUMBER.REST``."""
    number, dot, rest = after.partition(".")
    if not (dot and number.isascii() and number.isdecimal()) or not 0 <= int(number) <= _LATEST:
        raise invalid("after", f"{after!r} is no `next` of another page")
    return int(number), rest


def _text(place: tuple[int, str]) -> str:
    return f"{place[0]}.{place[1]}"


def _is_later(place: tuple[int, str], start: tuple[int, str]) -> bool:
    """On the list, which begins with the newest."""
    return place[0] < start[0] or (place[0] == start[0] and place[1] > start[1])
