"""Asks a running AlphaPlus over its control socket."""

import asyncio
from pathlib import Path

import msgspec

from alphaplus_tui.errors import DeadlineExceeded, Disconnected, ProtocolError
from alphaplus_tui.wire.control import LONGEST_ANSWER, VERSION, Failure, Request, Status, decode_answer, encode


async def ask_status(socket: Path, *, deadline_s: float = 5.0) -> Status:
    """How the AlphaPlus behind ``socket`` is.

    Raises Disconnected when nobody is there, DeadlineExceeded when it does not answer, ProtocolError when it
    speaks otherwise.
    """
    try:
        async with asyncio.timeout(deadline_s):
            line = await _exchange(socket, encode(Request(VERSION, "status")))
    except TimeoutError:
        raise DeadlineExceeded(f"the running AlphaPlus did not answer within {deadline_s:g} s ({socket})") from None
    except (OSError, ValueError) as error:
        raise Disconnected(f"the running AlphaPlus cannot be asked at {socket} ({error})") from None
    if not line.endswith(b"\n"):
        raise Disconnected(f"the running AlphaPlus went away while it was asked ({socket})")
    try:
        answer = decode_answer(line)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"the running AlphaPlus speaks otherwise ({error}); use the same release") from None
    if isinstance(answer, Failure):
        raise ProtocolError(f"the running AlphaPlus refused: {answer.reason}")
    return answer


async def _exchange(socket: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_ANSWER)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
