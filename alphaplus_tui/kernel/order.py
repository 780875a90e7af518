"""The order in which services start, and which of them share their fate."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from alphaplus_tui.errors import FatalError, UnknownName


class Ordered(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def after(self) -> tuple[str, ...]: ...
    @property
    def uses(self) -> tuple[str, ...]: ...


def levels(services: Iterable[Ordered]) -> dict[str, int]:
    """By name: 0 for those that come after nobody, else one more than the highest they come after.

    In the order of start. Raises FatalError for a name given twice or a cycle, UnknownName for an unknown one.
    """
    by_name: dict[str, Ordered] = {}
    for service in services:
        if service.name in by_name:
            raise FatalError(f"two services are called {service.name!r}; each needs a name of its own")
        by_name[service.name] = service
    for service in by_name.values():
        for other in (*service.after, *service.uses):
            if other not in by_name:
                raise UnknownName("service", other, by_name)
    sorter = TopologicalSorter({name: service.after for name, service in by_name.items()})
    try:
        order = tuple(sorter.static_order())
    except CycleError as error:
        circle = " after ".join(reversed(error.args[1]))
        raise FatalError(f"services wait for each other: {circle}") from error
    found: dict[str, int] = {}
    for name in order:
        found[name] = max((found[other] + 1 for other in by_name[name].after), default=0)
    return found


def fellowships(uses: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Names that are tied by ``uses``, directly or through others, in the order given."""
    group_of = {name: {name} for name in uses}
    for name, others in uses.items():
        for other in others:
            joined = group_of[name] | group_of[other]
            for member in joined:
                group_of[member] = joined
    done: set[str] = set()
    groups: list[tuple[str, ...]] = []
    for name in uses:
        if name not in done:
            groups.append(tuple(member for member in uses if member in group_of[name]))
            done |= group_of[name]
    return tuple(groups)
