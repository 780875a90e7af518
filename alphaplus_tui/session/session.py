"""The door that console, headless and API use, whatever is behind it."""

from typing import Protocol, TypeVar

from alphaplus_tui.session.commands import Command, Reply
from alphaplus_tui.session.queries import Query
from alphaplus_tui.state.view import StateView

A = TypeVar("A")


class Session(Protocol):
    """A local run, a replay or an attached remote: visitors cannot tell which they have."""

    @property
    def state(self) -> StateView: ...

    async def send(self, command: Command) -> Reply:
        """Accepted, or why not. Never raises for a wish that cannot be fulfilled."""
        ...

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        """The answer; ``StoreUnavailable`` or ``DeadlineExceeded`` when there is none."""
        ...
