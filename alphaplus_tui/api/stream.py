"""Tells a program what changes: a snapshot of each slice it wants, then the rows that changed, conflated."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from alphaplus_tui.api.door import Door
from alphaplus_tui.api.guard import SUBPROTOCOL
from alphaplus_tui.api.routes.health import unhealthy_parts
from alphaplus_tui.api.schemas import market, models, opinions, system
from alphaplus_tui.api.schemas.common import Part
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.state.view import Slice, StateView

router = APIRouter()

VERSION = 1
_DEFAULT_MS, _SHORTEST_MS, _LONGEST_MS = 250, 100, 60_000
_PARAMETERS = ("slices", "interval_ms")
_BOOK_DEPTH = 20
_TRY_AGAIN_LATER, _WRONG_USE = 1013, 1008


@dataclass(frozen=True, slots=True)
class Streamed:
    """A slice of the state, and how its rows are told."""

    of: Callable[[StateView], Slice[Any, Any]]
    told: Callable[[Door, Any], Part]


def _ticker(door: Door, row: Any) -> Part:
    return market.Ticker.of(row, door.state.feeds.get(row.instrument), door.age_s(row.ts_recv))


def _orderbook(door: Door, row: Any) -> Part:
    return market.OrderBook.of(row, door.state.feeds.get(row.instrument), door.age_s(row.ts_recv), _BOOK_DEPTH)


def _coverage(door: Door, row: Any) -> Part:
    gaps = [market.Gap.of(gap) for gap in door.state.gaps.values() if gap.instrument == row.instrument]
    return market.Coverage.of(row, gaps)


SLICES: Mapping[str, Streamed] = {
    "tickers": Streamed(lambda state: state.prices, _ticker),
    "orderbooks": Streamed(lambda state: state.books, _orderbook),
    "coverage": Streamed(lambda state: state.feeds, _coverage),
    "services": Streamed(lambda state: state.services, lambda _, row: system.Service.of(row)),
    "models": Streamed(lambda state: state.models, lambda _, row: models.ModelAnswer.of(row)),
    "training": Streamed(lambda state: state.training, lambda _, row: models.Training.of(row)),
    "decisions": Streamed(lambda state: state.decisions, lambda _, row: opinions.DecisionAnswer.of(row.decision)),
    "signals": Streamed(lambda state: state.signals, lambda _, row: opinions.SignalAnswer.of(row.signal, row.outcome)),
}


@router.websocket("/api/v1/stream")
async def stream(socket: WebSocket) -> None:
    """`?slices=tickers,services&interval_ms=250`; all slices when left out."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    try:
        wanted, interval_s = _wishes(socket.query_params)
    except (UnknownName, ValueError) as error:
        await socket.close(_WRONG_USE, str(error)[:120])
        return
    listening = asyncio.create_task(_until_it_leaves(socket), name="stream client")
    telling = asyncio.create_task(_tell(socket, Teller(socket.app.state.door, wanted), interval_s), name="stream")
    try:
        await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            await socket.close(_TRY_AGAIN_LATER, "too slow: frames are not taken in time")
        elif listening.result():
            await socket.close(_WRONG_USE, "nothing is to be said here")
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass  # it went away meanwhile
    finally:
        for task in (listening, telling):
            task.cancel()
        await asyncio.wait({listening, telling})


class Teller:
    """What one client was told, and what it has to be told."""

    def __init__(self, door: Door, wanted: Collection[str]) -> None:
        self._door, self._wanted = door, tuple(wanted)
        self._versions: dict[str, int] = {}
        self._known: dict[str, set[str]] = {}

    def frames(self) -> Iterator[str]:
        """A snapshot of each slice first; after that what changed and what is gone, nothing where nothing did."""
        for name in self._wanted:
            rows = SLICES[name].of(self._door.state)
            before = self._versions.get(name)
            if before == rows.version:
                continue
            changed = rows.changed_since(before or 0)
            keys = {_key(key) for key in rows}
            gone = sorted(self._known.get(name, keys) - keys)
            self._versions[name], self._known[name] = rows.version, keys
            if before is None or changed or gone:
                yield self._frame(name, "snapshot" if before is None else "change", changed.values(), gone)

    def _frame(self, name: str, kind: str, rows: Collection[Any], gone: list[str]) -> str:
        told = SLICES[name].told
        texts = ",".join(told(self._door, row).model_dump_json() for row in rows)
        ending = f',"gone":{json.dumps(gone)}' if gone else ""
        return f'{{"type":"{kind}","slice":"{name}","rows":[{texts}]{ending}}}'


async def _tell(socket: WebSocket, teller: Teller, interval_s: float) -> None:
    """Returns when the client does not take what it is told; it hears nothing in between of what changed twice."""
    door: Door = socket.app.state.door
    hello = {"type": "hello", "version": VERSION, "ready": not unhealthy_parts(door.state)}
    slow_after_s: float = socket.app.state.slow_after_s
    with suppress(TimeoutError):
        await _send(socket, json.dumps(hello), slow_after_s)
        while True:
            for frame in teller.frames():
                await _send(socket, frame, slow_after_s)
            await asyncio.sleep(interval_s)


async def _send(socket: WebSocket, frame: str, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        await socket.send_text(frame)


async def _until_it_leaves(socket: WebSocket) -> bool:
    """Whether it spoke instead, which is not for it to do."""
    message = await socket.receive()
    return message["type"] == "websocket.receive"


def _wishes(asked: Mapping[str, str]) -> tuple[tuple[str, ...], float]:
    """Slices, and seconds between two looks; UnknownName and ValueError for what is not to be had."""
    for name in asked:
        if name not in _PARAMETERS:
            raise UnknownName("parameter", name, _PARAMETERS)
    names = tuple(dict.fromkeys(name for name in asked.get("slices", "").split(",") if name)) or tuple(SLICES)
    for name in names:
        if name not in SLICES:
            raise UnknownName("slice", name, SLICES)
    text = asked.get("interval_ms", str(_DEFAULT_MS))
    if not (text.isascii() and text.isdecimal() and _SHORTEST_MS <= int(text) <= _LONGEST_MS):
        raise ValueError(f"interval_ms is a whole number from {_SHORTEST_MS} to {_LONGEST_MS}")
    return names, int(text) / 1000


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key)
