"""The running system: what is seen is there at once, what works comes with ``start``."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from alphaplus_tui.domain.events import RecordingEnded
from alphaplus_tui.errors import AlphaPlusError, FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Histogram
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.demo import DemoExchange
from alphaplus_tui.runtime.local_session import Desk, LocalSession

_LOOK_EVERY_S = 1.0
_ANEW_WITHIN_S = 30.0
"""For services to end whose successors follow."""
_CLOSE_WITHIN_S = 2.5
"""For all that is closed after the services have stopped."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Figures(Protocol):
    """Brings the meters into the state."""

    def started(self, startup_s: float) -> None: ...

    def stopping(self) -> None: ...

    def refresh(self) -> None:
        """At once, outside of its own rhythm."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the builder put together."""

    bus: Bus
    market: MarketClock
    manager: ServiceManager
    reader: StoreReader
    models: Desk
    figures: Figures
    settled: Callable[[], Awaitable[None]]
    """Returns when everything published so far is committed."""
    closing: tuple[Callable[[], Awaitable[None]], ...]
    """Called in this order once the services have stopped."""
    database_socket: Callable[[], str | None]
    state_to_screen: Histogram


class Share(Protocol):
    """Which of the instruments are this AlphaPlus's to follow, where several share them."""

    async def look(self) -> frozenset[str]:
        """What is ours now, as far as the others have let go of it; TransientError while nobody can know."""
        ...

    async def give_back(self, following: frozenset[str]) -> None:
        """Let the others have what is theirs by now and not followed here any more."""
        ...

    async def close(self) -> None: ...


class Server(Protocol):
    """What needs its time to start, and can be started while the services are put together."""

    async def start(self) -> object: ...

    async def stop(self) -> None: ...


class Engine:
    """All services of one data folder; the caller holds its lock.

    Where instruments are shared, all services are made anew whenever the share changes: whoever takes over starts as
    after a crash, with everything that was missed.
    """

    def __init__(
        self,
        build: Callable[[frozenset[str] | None], Parts],
        session: LocalSession,
        *,
        demo: DemoExchange | None,
        server: Server | None = None,
        replays: bool,
        started_at: float,
        share: Share | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        """build: imports and wires everything; runs in a thread, so that a console draws meanwhile. It is told what
        is ours to follow; None: everything.

        demo: the demo exchange, where that is what is followed.
        server: the database's, where it is ours.
        replays: it plays a recording, which has an end.
        started_at: ``time.monotonic()`` at the first line of the program.
        forget: takes from the state what is known of instruments.
        """
        self.session = session
        self._share, self._forget = share, forget
        self._mine: frozenset[str] | None = None
        self._sharing: asyncio.Task[None] | None = None
        self._startup_s = 0.0
        self._build, self._demo, self._replays, self._started_at = build, demo, replays, started_at
        self._server = server
        self._prepared = False
        self._parts: Parts | None = None
        self._started, self._ended = asyncio.Event(), asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._beginning: asyncio.Task[None] | None = None

    @property
    def database_socket(self) -> str | None:
        """The folder of the embedded database's socket, once it is there."""
        return self._parts.database_socket() if self._parts else None

    def overdue(self) -> tuple[str, ...]:
        """Services that are ready and should have beaten by now."""
        return self._parts.manager.overdue() if self._parts else ()

    def drawn(self, late_s: float) -> None:
        """A console shows what reached this process ``late_s`` ago."""
        if self._parts is not None:
            self._parts.state_to_screen.observe(late_s)

    async def prepare(self) -> None:
        """Begin what another process does meanwhile; ``start`` does it where nobody did."""
        if self._demo is not None and not self._prepared:
            await self._demo.spawn()
        self._prepared = True

    async def start(self) -> None:
        """Returns when every service is ready, or has failed for the first time."""
        await self.prepare()
        if self._share is not None:
            self._mine = await _look(self._share, frozenset())
        if self._server is not None:
            self._beginning = asyncio.create_task(_begin(self._server), name="begin the database")
        parts = await asyncio.to_thread(self._build, self._mine)
        if self._stopping is not None:
            return
        await self._open(parts)
        self._startup_s = time.monotonic() - self._started_at
        parts.figures.started(self._startup_s)
        self._started.set()
        log.info("engine_started", startup_s=round(self._startup_s, 3))
        if self._share is not None:
            self._sharing = asyncio.create_task(self._keep_sharing(self._share), name="share the instruments")

    async def _open(self, parts: Parts) -> None:
        self._parts = parts
        parts.bus.on(RecordingEnded, lambda _: self._ended.set())
        self.session.open(parts.manager, parts.reader, parts.market, parts.models)
        await parts.manager.start()

    async def _keep_sharing(self, share: Share) -> None:
        seen, changing = self._mine, None
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            following = self._mine or frozenset()
            mine = await _look(share, following)
            if changing is not None:
                if not changing.done():
                    continue  # only looked, so that what is held stays held
                changing.result()
                changing = None
            with suppress(TransientError):  # the locks ended with the connection
                await share.give_back(following)
            if mine == following:
                seen = mine
            elif mine != seen:
                seen = mine  # whoever comes or goes seldom does so alone: once more, and then
            else:
                log.info("share_changed", follows=len(mine), gained=len(mine - following), lost=len(following - mine))
                changing = asyncio.create_task(self._begin_anew(mine), name="begin anew")

    async def _begin_anew(self, mine: frozenset[str]) -> None:
        """Returns when everything of before is committed: whoever gets what is given back reads on from there."""
        assert self._parts is not None
        # what writes must have ended: its successor writes in the same places
        if abandoned := await self._end(self._parts, within_s=_ANEW_WITHIN_S):
            raise FatalError(f"{', '.join(abandoned)} did not end within {_ANEW_WITHIN_S:g} s; start again")
        self._forget()
        self._mine = mine
        parts = await asyncio.to_thread(self._build, mine)
        await self._open(parts)
        parts.figures.started(self._startup_s)
        await parts.settled()

    async def stop(self) -> None:
        """Sources first, persistence last; then everything is written. A second call waits for the first."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="stop the engine")
        await asyncio.shield(self._stopping)

    async def finished(self) -> None:
        """Returns when a replay has ended and everything is committed; never otherwise.

        Raises FatalError when the recording cannot be played.
        """
        await self._started.wait()
        parts = self._parts
        assert parts is not None
        ended = asyncio.create_task(self._ended.wait(), name="the recording's end")
        failed = asyncio.create_task(parts.manager.wait_failed(), name="a service's end")
        sharing = () if self._sharing is None else (self._sharing,)
        try:
            await asyncio.wait(
                {ended, failed} if self._replays else {ended, *sharing}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in sharing:
                if task.done():
                    task.result()  # it only ends by a defect, or by what cannot be helped
            if not ended.done():
                raise FatalError(f"{failed.result().name}: {failed.result().reason}")
        finally:
            ended.cancel()
            failed.cancel()
        await parts.settled()

    async def _stop(self) -> None:
        if self._sharing is not None:
            self._sharing.cancel()
            await asyncio.wait({self._sharing})
        try:
            await self._stop_services()
        finally:
            if self._share is not None:
                await self._share.close()

    async def _stop_services(self) -> None:
        parts = self._parts
        if parts is None:
            if self._demo is not None:
                await self._demo.end()
            if self._server is not None:
                await self._server.stop()
            return
        log.info("engine_stops")
        parts.figures.stopping()
        await self._end(parts)
        parts.figures.refresh()
        log.info("engine_stopped")

    async def _end(self, parts: Parts, *, within_s: float | None = None) -> tuple[str, ...]:
        """Returns the names of services that did not end in time."""
        abandoned = await parts.manager.stop(within_s=within_s)
        try:
            async with asyncio.timeout(within_s or _CLOSE_WITHIN_S):
                for close in parts.closing:
                    await _closed(close)
        except TimeoutError:
            log.error("engine_not_closed_in_time", within_s=_CLOSE_WITHIN_S)  # noqa: TRY400  the trace says nothing
        return abandoned


async def _look(share: Share, before: frozenset[str]) -> frozenset[str]:
    """What is ours; as before while the database is away, as nobody else can take it then."""
    try:
        return await share.look()
    except TransientError as error:
        log.info("share_not_known", error=str(error))
        return before


async def _begin(server: Server) -> None:
    with suppress(AlphaPlusError, OSError):  # who supervises it tries again, and tells why it does not start
        await server.start()


async def _closed(close: Callable[[], Awaitable[None]]) -> None:
    try:
        await close()
    except (AlphaPlusError, OSError) as error:
        log.warning("not_closed", what=getattr(close, "__qualname__", repr(close)), error=str(error))
