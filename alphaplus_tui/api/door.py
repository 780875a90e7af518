"""What every route holds on to: the session, the market's time, and the names of instruments."""

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from alphaplus_tui.api.problems import NotAllowed, NotKnown
from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.session.commands import Command, Refused
from alphaplus_tui.session.queries import Query
from alphaplus_tui.session.session import Session
from alphaplus_tui.state.moment import market_time
from alphaplus_tui.state.view import StateView

A = TypeVar("A")

_ANSWER_WITHIN_S = 5.0


class Door:
    """A session as a program sees it that asks over HTTP."""

    def __init__(self, session: Session, *, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._session, self._time_ns = session, time_ns

    @property
    def state(self) -> StateView:
        return self._session.state

    def now(self) -> int:
        """UTC ns by the market's clock, which ages are counted from."""
        return market_time(self.state, self._time_ns())

    def age_s(self, ts: int) -> float | None:
        """How long ago something was received; None where nothing was."""
        return max(0.0, round((self.now() - ts) / 1e9, 3)) if ts else None

    def instrument(self, symbol: str) -> InstrumentId:
        """The one that is followed under this name; UnknownName with the nearest where there is none."""
        followed = [row.instrument for row in self.state.instruments.values()]
        for instrument in followed:
            if symbol in {instrument.symbol, instrument.id}:
                return instrument.id
        raise UnknownName("symbol", symbol, sorted({symbol_of(one.id) for one in followed}))

    async def ask(self, query: Query[A]) -> A:
        return await self._session.ask(query, deadline_s=_ANSWER_WITHIN_S)

    async def send(self, command: Command) -> None:
        """Carried out; NotKnown or NotAllowed with the reason where it is not."""
        reply = await self._session.send(command)
        if isinstance(reply, Refused):
            raise NotKnown(reply.reason) if reply.unknown else NotAllowed(reply.reason)


async def _door(request: Request) -> Door:
    return request.app.state.door


Visited = Annotated[Door, Depends(_door)]
