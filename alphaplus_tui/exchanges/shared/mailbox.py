"""The way from many connections to one reader: in order of arrival, bounded by holding the senders back."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, Self

from alphaplus_tui.ports.market_data import Received


class Reader(Protocol):
    """Makes of a frame what it says."""

    def read(self, frame: bytes, ts_recv: int) -> Received | None:
        """None when it says nothing. ``ts_recv``: UTC ns of its receipt."""
        ...


class Mailbox:
    """An async iterator over what connections put in.

    Frames are read one by one as they are taken out, so that the first of a burst need not wait for the last. Nothing
    is dropped: above ``high`` waiting frames ``crowded`` says so, the connection stops reading its socket, and
    ``when_drained`` calls it back once ``low`` are left.
    """

    def __init__(self, *, high: int = 8192, low: int = 2048) -> None:
        self._items: deque[Received | tuple[Reader, bytes, int]] = deque()
        self._high, self._low = high, low
        self._waiter: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._closed = False
        self._held: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._items)

    @property
    def crowded(self) -> bool:
        return len(self._items) > self._high

    @property
    def overloaded(self) -> bool:
        """Whether what can be spared should be: the reader is far behind."""
        return len(self._items) > self._high // 2

    def put(self, received: Received) -> None:
        self._items.append(received)
        if self._waiter is not None:
            self._wake()

    def put_frame(self, reader: Reader, frame: bytes, ts_recv: int) -> None:
        self._items.append((reader, frame, ts_recv))
        if self._waiter is not None:
            self._wake()

    def when_drained(self, resume: Callable[[], None]) -> None:
        """Call ``resume`` once the reader has caught up."""
        self._held.append(resume)

    def fail(self, error: BaseException) -> None:
        """The reader gets ``error`` after what is waiting; the first one counts."""
        self._error = self._error or error
        self._wake()

    def close(self) -> None:
        """The reader's iteration ends after what is waiting."""
        self._closed = True
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        items = self._items
        while True:
            while not items:
                await self._arrival()
            item = items.popleft()
            if self._held and len(items) <= self._low:
                self._release()
            if isinstance(item, Received):
                return item
            reader, frame, ts_recv = item
            received = reader.read(frame, ts_recv)
            if received is not None:
                return received

    async def _arrival(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise StopAsyncIteration
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _release(self) -> None:
        held, self._held = self._held, []
        for resume in held:
            resume()
