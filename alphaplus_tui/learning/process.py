"""Trains in a process of its own: memory is bounded, progress is told, and cancelling ends it."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import msgspec
import psutil

from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.learning.request import Answer, Done, Failed, Progress, TrainRequest

LOOK_EVERY_S = 0.25
_STOPPING_S = 2.0
_LAST_WORDS = 4000


class TrainingFailed(FatalError):
    """The training said why it cannot be done."""

    title = "Training failed"


class TrainingEnded(TransientError):
    """The training process is gone before it was done: killed, out of memory, crashed."""

    title = "Training ended"


async def train(
    request: TrainRequest, on_progress: Callable[[Progress], None], *, memory_limit_mb: int, nice: int = 10
) -> Done:
    """``TrainingFailed``, ``TrainingEnded``. Cancelling kills the process. Call it from the main thread."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "alphaplus_tui.learning.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(request.options.threads)},
        start_new_session=True,  # Ctrl-C reaches us alone; we end it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(psutil.Error):
        psutil.Process(process.pid).nice(nice)
    errors = asyncio.create_task(_last_words(process.stderr))
    asked = asyncio.create_task(_ask(process.stdin, request))
    answered = asyncio.create_task(_listen(process.stdout, on_progress))
    watched = asyncio.create_task(_watch_memory(process.pid, memory_limit_mb))
    try:
        await asyncio.wait({answered, watched}, return_when=asyncio.FIRST_COMPLETED)
        if answered.done() and (answer := answered.result()) is not None:
            return _judged(answer)
        if watched.done():
            raise TrainingEnded(
                f"training took {watched.result()} MB, training.memory_limit_mb allows {memory_limit_mb}: "
                "train fewer instruments or a longer timeframe, or allow more"
            )
        code = await process.wait()
        words = (await errors).strip()
        raise TrainingEnded(f"the training process ended with code {code}{': ' + words if words else ''}")
    finally:
        for task in (asked, answered, watched):
            task.cancel()
        await _end(process)
        errors.cancel()
        await asyncio.wait({asked, answered, watched, errors})


def _judged(answer: Done | Failed) -> Done:
    if isinstance(answer, Failed):
        raise TrainingFailed(f"{answer.title}: {answer.text}")
    return answer


async def _ask(stdin: asyncio.StreamWriter, request: TrainRequest) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended; who listens to it will say so
        stdin.write(msgspec.msgpack.encode(request))
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _listen(stdout: asyncio.StreamReader, on_progress: Callable[[Progress], None]) -> Done | Failed | None:
    """The last answer; None when the process fell silent before it gave one."""
    decoder = msgspec.msgpack.Decoder(Answer)
    while True:
        try:
            size = int.from_bytes(await stdout.readexactly(8), "big")
            answer = decoder.decode(await stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            return None
        if not isinstance(answer, Progress):
            return answer
        on_progress(answer)


async def _watch_memory(pid: int, limit_mb: int) -> int:
    """Returns the megabytes when they are more than the limit."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while True:
            used = process.memory_info().rss // 10**6
            if used > limit_mb:
                return used
            await asyncio.sleep(LOOK_EVERY_S)
    await asyncio.Future[None]()  # it is gone; who listens to it will say so
    raise AssertionError("waits until it is cancelled")


async def _last_words(stderr: asyncio.StreamReader) -> str:
    """What it said last; read all the time, so that it never blocks."""
    words = b""
    while chunk := await stderr.read(65536):
        words = (words + chunk)[-_LAST_WORDS:]
    return words.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it is left when this returns; it holds nothing that must be put in order."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    async with asyncio.timeout(_STOPPING_S):
        await process.wait()
