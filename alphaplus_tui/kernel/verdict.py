"""Says what the end of a service means."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from alphaplus_tui.errors import FatalError

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    reason: str
    """One line, without control characters."""
    fatal: bool = False
    """Trying again cannot help."""
    error: BaseException | None = None


def verdict(task: asyncio.Task[None]) -> Verdict:
    """Why a task ended that nobody had asked to end."""
    if task.cancelled():
        return Verdict("cancelled itself")
    error = task.exception()
    if error is None:
        return Verdict("returned without being stopped")
    return Verdict(describe(error), is_fatal(error), error)


def is_fatal(error: BaseException) -> bool:
    """Also when it is one of several that a task group gathered."""
    return any(isinstance(leaf, FatalError) for leaf in _leaves(error))


def describe(error: BaseException) -> str:
    """Class and text on one line, those of a group's members side by side; fatal ones first."""
    leaves = sorted(_leaves(error), key=lambda leaf: not isinstance(leaf, FatalError))
    text = "; ".join(f"{type(leaf).__name__}: {leaf}" if str(leaf) else type(leaf).__name__ for leaf in leaves)
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(inner)
    else:
        yield error
