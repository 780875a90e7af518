"""The services as a tree by what each comes after."""

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct
from rich.style import Style

from alphaplus_tui.state.slices import ServiceRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.theme import Inks
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Piece

_MARKS = {"RUNNING": "●", "STARTING": "◐", "WAITING": "○", "BACKING_OFF": "◌", "STOPPED": "■", "FAILED": "✗"}


class TreeRow(Struct, frozen=True, gc=False):
    """A service and the branches drawn before its name."""

    branch: str
    service: ServiceRow


def tree_order(services: Mapping[str, ServiceRow]) -> list[tuple[str, str]]:
    """(branches, name), parents before children; a service hangs on the deepest one it comes after."""
    depth: dict[str, int] = {}

    def deep(name: str, above: frozenset[str]) -> int:
        if name not in depth:
            before = [one for one in services[name].after if one in services and one not in above]
            depth[name] = 1 + max((deep(one, above | {name}) for one in before), default=-1)
        return depth[name]

    for name in services:
        deep(name, frozenset({name}))
    children: dict[str, list[str]] = {"": []}
    for name, row in services.items():
        parents = [one for one in row.after if one in services and depth[one] < depth[name]]
        parent = max(parents, key=lambda one: depth[one], default="")
        children.setdefault(parent, []).append(name)
    order: list[tuple[str, str]] = []

    def walk(parent: str, branch: str) -> None:
        names = children.get(parent, [])
        for at, name in enumerate(names):
            last = at == len(names) - 1
            order.append((branch + ("└ " if last else "├ ") if parent else "", name))
            walk(name, (branch + ("  " if last else "│ ")) if parent else "")

    walk("", "")
    return order


def state_ink(row: ServiceRow, inks: Inks) -> Style:
    if row.state == "FAILED":
        return inks.error
    if row.state in {"BACKING_OFF", "STARTING"} or row.health != "OK":
        return inks.warning
    return inks.ok if row.state == "RUNNING" else inks.dim


def _name(row: TreeRow, look: Look, width: int) -> Cell:
    return [(row.branch, look.inks.faint), (fmt.fit(row.service.name, width - len(row.branch)), look.inks.base)]


def _state(row: TreeRow, look: Look, width: int) -> Cell:
    service, ink = row.service, state_ink(row.service, look.inks)
    mark = "*" if look.symbols == "ascii" else _MARKS.get(service.state, "○")
    word = service.state.replace("_", " ")
    if service.state == "BACKING_OFF" and service.next_try_at is not None:
        word += f" {max(0, round(service.next_try_at - look.mono))}s"
    return [(f"{mark} ", ink), (fmt.fit(word, width - 2), ink)]


def _health(row: TreeRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    health = row.service.health_told
    return health or fmt.NOTHING, look.inks.warning if health == "DEGRADED" else look.inks.dim


def _uptime(row: TreeRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    since = row.service.running_since
    if since is None or row.service.state != "RUNNING":
        return fmt.NOTHING, look.inks.dim
    return fmt.duration(look.mono - since), look.inks.base


def _restarts(row: TreeRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    count = row.service.restarts
    return str(count), look.inks.warning if count else look.inks.dim


def _trouble(row: TreeRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    service = row.service
    return service.reason or service.last_error, look.inks.dim


COLUMNS: tuple[Column[TreeRow], ...] = (
    Column("name", "Service", 19, _name, grow=True),
    Column("state", "State", 17, _state),
    Column("health", "Health", 8, _health, rank=1),
    Column("uptime", "Up", 7, _uptime, right=True, rank=2),
    Column("restarts", "Rst", 3, _restarts, right=True, rank=3),
    Column("trouble", "Reason, last error", 16, _trouble, rank=4, grow=True),
)


class ServiceTree(LiveGrid[TreeRow]):
    """State, health, uptime, restarts and trouble of each service."""

    TITLE: ClassVar[str] = "Services"
    EXPLANATION: ClassVar[str] = (
        "What runs inside AlphaPlus; each service hangs on the one it starts after. Health DEGRADED means that it "
        "runs but something outside is missing; BACKING OFF counts down to the next try. "
        "r restarts the service under the cursor, s stops it or starts it again, o opens its log."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, COLUMNS, id="tree")
        self._ordered: tuple[int, Mapping[str, str], Sequence[str]] = (-1, {}, ())

    def condition(self, look: Look) -> Condition:
        services = look.state.services
        if not services:
            return Condition(Kind.LOADING, "services are starting")
        running = sum(row.state == "RUNNING" for row in services.values())
        return Condition(Kind.LIVE, f"{running} of {len(services)} running")

    def keys(self, look: Look) -> Sequence[str]:
        services = look.state.services
        if services.version != self._ordered[0]:
            order = tree_order(dict(services.items()))
            branches = {name: branch for branch, name in order}
            self._ordered = (services.version, branches, [name for _, name in order])
        return self._ordered[2]

    def row(self, look: Look, key: str) -> TreeRow | None:
        service = look.state.services.get(key)
        if service is None:
            return None
        known = self._cache.get(key)
        branch = self._ordered[1].get(key, "")
        if known is not None and known[0].service is service and known[0].branch == branch:
            return known[0]
        return TreeRow(branch, service)

    def stamp(self, row: TreeRow, look: Look) -> Hashable:
        next_try = row.service.next_try_at
        return int(look.mono), next_try is not None and round(next_try - look.mono)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        """The tree, and below it as much of the service under the cursor as there is room for."""
        spare = height - 2 - len(look.state.services)
        row, inks = look.state.services.get(self.cursor), look.inks
        if spare < 2 or row is None:
            return super().lines(look, width, height)
        facts = [
            ("last error", row.last_error or fmt.NOTHING),
            ("reason", row.reason or fmt.NOTHING),
            ("starts after", ", ".join(row.after) or "nothing"),
        ][: spare - 1]
        rows = super().lines(look, width, height - len(facts) - 1)
        rows += [[] for _ in range(height - len(facts) - 1 - len(rows))]
        rows.append([(fmt.fit(f" {row.name}", width), inks.strong)])
        rows += [[(f" {name:<13}", inks.dim), (fmt.fit(text, width - 15), inks.base)] for name, text in facts]
        return rows

    def copy_row(self) -> str:
        row = self.desk.session.state.services.get(self.cursor)
        if row is None:
            return ""
        words = [row.name, row.state, row.health, row.reason, row.last_error]
        return "  ".join(word for word in words if word)
