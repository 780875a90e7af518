"""What the end of a service means."""

import asyncio

from alphaplus_tui.errors import Disconnected, ProtocolError
from alphaplus_tui.kernel.verdict import Verdict, describe, is_fatal, verdict


async def ended(error: BaseException | None) -> Verdict:
    async def run() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(run())
    await asyncio.wait({task})
    return verdict(task)


async def test_returning_and_cancelling_oneself_are_defects() -> None:
    assert await ended(None) == Verdict("returned without being stopped")
    assert await ended(asyncio.CancelledError()) == Verdict("cancelled itself")


async def test_an_error_is_described_and_fatal_by_its_class() -> None:
    error = Disconnected("no data for 4 s")
    assert await ended(error) == Verdict("Disconnected: no data for 4 s", fatal=False, error=error)
    assert (await ended(ProtocolError("who?"))).fatal


def test_a_fatal_error_is_found_among_several_that_a_task_group_gathered() -> None:
    inner = ExceptionGroup("inner", [OSError(), ProtocolError("no such stream")])
    group = ExceptionGroup("outer", [ValueError("bad"), inner])
    assert is_fatal(group)
    assert describe(group) == "ProtocolError: no such stream; ValueError: bad; OSError"
    assert not is_fatal(ExceptionGroup("only weather", [Disconnected("gone")]))


def test_text_from_outside_loses_its_control_characters_and_its_excess() -> None:
    assert describe(ValueError("a\x1b]52;c\x07\nb")) == "ValueError: a ]52;c  b"
    long = describe(ValueError("x" * 10_000))
    assert (len(long), long[-1]) == (300, "…")
