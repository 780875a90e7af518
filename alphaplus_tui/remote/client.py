"""Asks a running AlphaPlus over its control socket."""

import asyncio
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, Disconnected, ProtocolError
from alphaplus_tui.session.commands import Command, Reply
from alphaplus_tui.session.queries import AnyQuery, Query
from alphaplus_tui.wire.control import (
    LONGEST_ANSWER,
    VERSION,
    Answer,
    Answered,
    Failure,
    Heard,
    Request,
    Status,
    decode_answer,
    encode,
    unpack_answer,
)

A = TypeVar("A")

_ON_THE_WAY_S = 2.0


class NoAnswer(AlphaPlusError):
    """The running AlphaPlus has no answer, and says why."""

    title = "No answer"


async def ask_status(socket: Path, *, deadline_s: float = 5.0) -> Status:
    """How the AlphaPlus behind ``socket`` is.

    Raises Disconnected when nobody is there, DeadlineExceeded when it does not answer, ProtocolError when it
    speaks otherwise.
    """
    answer = await _ask(socket, Request(VERSION, "status"), deadline_s)
    if not isinstance(answer, Status):
        raise _otherwise(answer)
    return answer


async def send_command(socket: Path, command: Command, *, deadline_s: float = 30.0) -> Reply:
    """What the AlphaPlus behind ``socket`` says to a wish; raises as ``ask_status`` does."""
    answer = await _ask(socket, Request(VERSION, "send", command=command), deadline_s)
    if not isinstance(answer, Heard):
        raise _otherwise(answer)
    return answer.reply


async def ask_query(socket: Path, query: Query[A], *, deadline_s: float = 5.0) -> A:
    """Its answer to a question; raises as ``ask_status`` does, ``NoAnswer`` where it has none."""
    request = Request(VERSION, "query", query=cast("AnyQuery", query), deadline_s=deadline_s)
    answer = await _ask(socket, request, deadline_s + _ON_THE_WAY_S)
    if isinstance(answer, Failure):
        raise NoAnswer(answer.reason)
    if not isinstance(answer, Answered):
        raise _otherwise(answer)
    try:
        return unpack_answer(query, answer)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the running AlphaPlus speaks otherwise ({error}); use the same release") from None


async def _ask(socket: Path, request: Request, deadline_s: float) -> Answer:
    try:
        async with asyncio.timeout(deadline_s):
            line = await _exchange(socket, encode(request))
    except TimeoutError:
        raise DeadlineExceeded(f"the running AlphaPlus did not answer within {deadline_s:g} s ({socket})") from None
    except (OSError, ValueError) as error:
        raise Disconnected(f"the running AlphaPlus cannot be asked at {socket} ({error})") from None
    if not line.endswith(b"\n"):
        raise Disconnected(f"the running AlphaPlus went away while it was asked ({socket})")
    try:
        return decode_answer(line)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the running AlphaPlus speaks otherwise ({error}); use the same release") from None


def _otherwise(answer: Answer) -> ProtocolError:
    if isinstance(answer, Failure):
        return ProtocolError(f"the running AlphaPlus refused: {answer.reason}")
    return ProtocolError(f"the running AlphaPlus answered something else ({type(answer).__name__})")


async def _exchange(socket: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_ANSWER)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
