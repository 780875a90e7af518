"""Asks a process of its own which features moved a model's opinion; it loads the boosting libraries and ends."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from alphaplus_tui.domain.analysis import Explanation
from alphaplus_tui.errors import FatalError, TransientError

_MODULE = "alphaplus_tui.models.explainer"
WITHIN_S = 30.0


class Question(Struct, frozen=True):
    folder: str
    seal: str
    row: tuple[float, ...]


class Unexplained(Struct, frozen=True, tag=True):
    """Asking again cannot help."""

    reason: str


class Explained(Struct, frozen=True, tag=True):
    explanation: Explanation


Answer = Explained | Unexplained


class ExplanationFailed(FatalError):
    """The opinion cannot be explained."""

    title = "No explanation"


class ExplainerGone(TransientError):
    """The process ended without an answer, or was too slow."""

    title = "No explanation"


class ChildExplainer:
    """One child for each question, one question at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def explain(self, folder: str, seal: str, row: Sequence[float]) -> Explanation:
        async with self._turn:
            return await _ask(Question(folder, seal, tuple(row)))


async def _ask(question: Question) -> Explanation:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            content, words = await child.communicate(msgspec.msgpack.encode(question))
    except TimeoutError:
        raise ExplainerGone(f"no explanation within {WITHIN_S:g} s") from None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        answer: Answer = msgspec.msgpack.decode(content, type=Answer)
    except msgspec.DecodeError:
        said = words.decode(errors="replace").strip()[-300:]
        raise ExplainerGone(f"the explaining process ended with code {child.returncode}: {said}") from None
    if isinstance(answer, Unexplained):
        raise ExplanationFailed(answer.reason)
    return answer.explanation
