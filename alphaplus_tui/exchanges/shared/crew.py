"""Tasks that live exactly as long as a stream does."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self

from alphaplus_tui.kernel.clock import Clock, wait_within


class Crew:
    """``async with Crew(...)``: tasks started inside end with it; one that raises tells ``on_error``.

    Unlike a task group it does not wrap what went wrong: the reader of the stream gets the error itself.
    """

    def __init__(self, clock: Clock, on_error: Callable[[BaseException], None], *, stop_within_s: float = 2.0) -> None:
        self._clock, self._on_error, self._stop_within_s = clock, on_error, stop_within_s
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await wait_within(self._clock, tasks, self._stop_within_s)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(error)
