"""Two ways to hear an event: handlers, called at once, and views, bounded queues that lose their oldest."""

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import structlog

from alphaplus_tui.kernel.clock import Clock, SystemClock

E = TypeVar("E")
Handler = Callable[[Any], None]

GIVE_WAY_EVERY = 64
"""A turn of trades takes two or three milliseconds then."""
_LOG_AGAIN_AFTER_S = 60.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class GiveWay:
    """Lets others run once in ``every`` calls: ``await give_way()`` inside a loop over a source.

    A buffered burst never suspends ``async for``; without this, whoever listens starves until it is over.
    """

    __slots__ = ("_every", "_left")

    def __init__(self, every: int = GIVE_WAY_EVERY) -> None:
        self._every = self._left = every

    async def __call__(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._left = self._every
            await asyncio.sleep(0)


class View(Generic[E]):
    """A bounded queue of events for an onlooker: ``with bus.view(...) as view: async for event in view:``."""

    def __init__(self, name: str, size: int, unsubscribe: Callable[["View[E]"], None]) -> None:
        self.name, self.size = name, size
        self.dropped = 0
        """Events lost because the onlooker was slow."""
        self._unsubscribe = unsubscribe
        self._events: deque[E] = deque()
        self._news = asyncio.Event()
        self._give_way = GiveWay()
        self._closed = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: E) -> None:
        """Called by the bus."""
        events = self._events
        if len(events) >= self.size:
            events.popleft()
            self.dropped += 1
        events.append(event)
        self._news.set()

    def close(self) -> None:
        """Hear no more; the iteration ends after what is queued."""
        if not self._closed:
            self._closed = True
            self._unsubscribe(self)
            self._news.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        await self._give_way()
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()


class Bus:
    """Dispatches events by their exact type, within one event loop."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        on_error: Callable[[str, Exception], None] | None = None,
    ) -> None:
        """on_error: told the name of a handler that raised, and what it raised, each time."""
        self.views: tuple[View[Any], ...] = ()
        self.handler_errors: dict[str, int] = {}
        """How often each handler raised, by its name."""
        self._handlers: dict[type[Any], tuple[Handler, ...]] = {}
        self._clock = clock or SystemClock()
        self._on_error = on_error
        self._logged_at: dict[str, float] = {}

    def on(self, event_type: type[E], handler: Callable[[E], None]) -> Callable[[], None]:
        """Call ``handler`` at once, in the order of subscription, in the publisher's task; returns the way out.

        The handler must not block; a coroutine function is refused, nobody would await it.
        """
        if inspect.iscoroutinefunction(handler):
            raise TypeError(f"{_name(handler)} is a coroutine function; a handler is called, not awaited")
        self._handlers[event_type] = (*self._handlers.get(event_type, ()), handler)
        gone = False

        def unsubscribe() -> None:
            nonlocal gone
            if not gone:
                gone = True
                self._remove(event_type, handler)

        return unsubscribe

    def view(self, events: type[E] | tuple[type[E], ...], *, size: int, name: str) -> View[E]:
        """A queue of at most ``size`` events, oldest lost first; close it, or use it as a context manager."""
        if size < 1:
            raise ValueError(f"the view {name!r} must hold at least 1 event, not {size}")
        types = events if isinstance(events, tuple) else (events,)
        ways_out: list[Callable[[], None]] = []

        def unsubscribe(view: View[E]) -> None:
            for way_out in ways_out:
                way_out()
            self.views = tuple(other for other in self.views if other is not view)

        view: View[E] = View(name, size, unsubscribe)
        ways_out += [self.on(event_type, view.put) for event_type in types]
        self.views = (*self.views, view)
        return view

    def publish(self, event: object) -> None:
        """Every handler hears it before this returns; one that raises hinders nobody."""
        for handler in self._handlers.get(type(event), ()):
            try:
                handler(event)
            except Exception as error:  # noqa: BLE001  the publisher must outlive every listener
                self._raised(handler, event, error)

    def _remove(self, event_type: type[Any], handler: Handler) -> None:
        left = list(self._handlers[event_type])
        left.remove(handler)
        self._handlers[event_type] = tuple(left)

    def _raised(self, handler: Handler, event: object, error: Exception) -> None:
        name = _name(handler)
        count = self.handler_errors[name] = self.handler_errors.get(name, 0) + 1
        now = self._clock.monotonic()
        if now - self._logged_at.get(name, -_LOG_AGAIN_AFTER_S) >= _LOG_AGAIN_AFTER_S:
            self._logged_at[name] = now
            log.error("bus_handler_raised", handler=name, event_type=type(event).__name__, count=count, exc_info=error)
        if self._on_error is None:
            return
        try:
            self._on_error(name, error)
        except Exception:
            log.exception("bus_on_error_raised", handler=name)


def _name(handler: Callable[..., object]) -> str:
    """Module and qualified name, as far as the callable has them."""
    return f"{getattr(handler, '__module__', '?')}.{getattr(handler, '__qualname__', type(handler).__qualname__)}"
