"""Looks at the program itself once a second: its latencies, counters, resources, clock and database."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from msgspec import structs

from alphaplus_tui.domain.events import ClockMeasured, DatabaseConnected, DatabaseLost
from alphaplus_tui.errors import AlphaPlusError, FatalError, TransientError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock, WallMarketClock
from alphaplus_tui.kernel.meters import Labels, Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.figures import Rates, latency_row
from alphaplus_tui.state.slices import DatabaseRow, FeedState, ResourceRow, SystemRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_EVERY_S = 1.0
_STATISTICS_EVERY = 10
_CLOCK_EVERY_S = 60.0
_CLOCK_RETRY_S = 5.0
_ASK_WITHIN_S = 5.0
_CLOCK_WITHIN_S = 30.0
"""The first question may have to import a library first."""


class MonitorService:
    """Writes the slices ``system``, ``latencies``, ``counters``, ``resources`` and ``database``."""

    name = "monitor"
    after: tuple[str, ...] = ("projection",)
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        state: StateStore,
        bus: Bus,
        reader: StoreReader,
        exchanges: Sequence[MarketData],
        *,
        system: SystemRow,
        folder: Path,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
    ) -> None:
        """exchanges: whose clocks are measured; the first one's sets the market clock.
        system: the first row of its slice. folder: the data folder, for the room that is left on its disk.
        """
        self._state, self._bus, self._reader, self._exchanges = state, bus, reader, tuple(exchanges)
        self._folder, self._clock, self._market, self._meters = folder, clock, market, meters
        self._rates = Rates()
        state.system.put(ONLY, system)
        state.database.put(ONLY, DatabaseRow("", False, "starting", "", 0, 0, None, {}, 0, 0, 0))
        bus.on(DatabaseConnected, lambda _: self._database(connected=True, reason=""))
        bus.on(DatabaseLost, lambda event: self._database(connected=False, reason=event.reason, ping_ms=None))

    def started(self, startup_s: float) -> None:
        """Every service is ready, so long after the first line of the program."""
        self._system(startup_s=startup_s)

    def stopping(self) -> None:
        self._system(stopping=True)

    def refresh(self) -> None:
        """Bring the meters into the state at once: at the very end, when no second passes any more."""
        self._system()
        self._figures(self._clock.monotonic())

    async def run(self, life: Life) -> None:
        read_resources = await asyncio.to_thread(_resource_reader)
        life.ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(life, read_resources))
            tasks.create_task(self._ask_database(life))
            if isinstance(self._market, WallMarketClock):
                for number, exchange in enumerate(self._exchanges):
                    tasks.create_task(self._measure_clock(life, exchange, self._market if number == 0 else None))

    async def _look(self, life: Life, read_resources: Callable[[], ResourceRow]) -> None:
        looked_at = life.clock.monotonic()
        while True:
            now = life.clock.monotonic()
            self._count_streams(now - looked_at)
            looked_at = now
            self.refresh()
            self._state.resources.put(ONLY, read_resources())
            await life.clock.sleep(_EVERY_S)

    def _count_streams(self, seconds: float) -> None:
        """How long the streams of all instruments were in each state."""
        for state in FeedState:
            self._meters.counter("stream_seconds", (("state", state.value),))
        for feed in self._state.feeds.values():
            self._meters.counter("stream_seconds", (("state", feed.state.value),)).add(seconds)

    def _figures(self, now: float) -> None:
        reading = self._meters.snapshot()
        for histogram in reading.histograms:
            if histogram.count:
                row = latency_row(histogram)
                self._state.latencies.put(row.name, row)
        values: dict[str, float] = {}
        labels: dict[str, Labels] = {}
        for meter in (*reading.counters, *reading.gauges):
            values[meter.name] = values.get(meter.name, 0.0) + meter.value
            if meter.labels:
                name = ":".join((meter.name, *(value for _, value in meter.labels)))
                values[name], labels[name] = meter.value, meter.labels
        for view in self._bus.views:
            name = f"bus_dropped:{view.name}"
            values[name], labels[name] = view.dropped, (("subscriber", view.name),)
        values["bus_dropped"] = sum(view.dropped for view in self._bus.views)
        values["bus_handler_errors"] = sum(self._bus.handler_errors.values())
        for row in self._rates.rows(now, values, labels):
            self._state.counters.put(row.name, row)

    async def _ask_database(self, life: Life) -> None:
        tick = 0
        while True:
            try:
                async with asyncio.timeout(_ASK_WITHIN_S):
                    ping_ms = await self._reader.ping() * 1000.0
                    self._database(connected=True, reason="", ping_ms=ping_ms)
                    if tick % _STATISTICS_EVERY == 0:
                        told = await self._reader.statistics()
                        self._database(
                            kind=told.kind,
                            version=told.version,
                            schema_version=told.schema_version,
                            size_bytes=told.size_bytes,
                            rows=told.rows,
                        )
                    tick += 1
            except (TransientError, TimeoutError) as error:
                self._database(connected=False, reason=str(error) or "no answer in time", ping_ms=None)
                tick = 0
            await life.clock.sleep(_EVERY_S)

    async def _measure_clock(self, life: Life, exchange: MarketData, market: WallMarketClock | None) -> None:
        """market: the clock that this exchange's offset corrects, if it does."""
        told = False
        while True:
            offset_ns, reason, pause_s = None, "", _CLOCK_EVERY_S
            try:
                async with asyncio.timeout(_CLOCK_WITHIN_S):
                    offset_ns = await exchange.clock_offset_ns()
            except (AlphaPlusError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
                if not told:
                    log.warning("clock_offset_unknown", exchange=exchange.exchange, error=reason)
                pause_s = _CLOCK_EVERY_S if isinstance(error, FatalError) else _CLOCK_RETRY_S
            told = offset_ns is None
            if offset_ns is not None and market is not None:
                market.set_offset(offset_ns)
            self._bus.publish(ClockMeasured(exchange.exchange, offset_ns, reason, self._market.now()))
            await life.clock.sleep(pause_s)

    def _system(self, *, startup_s: float | None = None, stopping: bool = False) -> None:
        row = self._state.system[ONLY]
        offset_ns = self._market.offset_ns if isinstance(self._market, WallMarketClock) else 0
        self._state.system.put(
            ONLY,
            structs.replace(
                row,
                startup_s=row.startup_s if startup_s is None else startup_s,
                market_now=self._market.now(),
                clock_offset_ms=offset_ns / 1e6,
                stopping=row.stopping or stopping,
            ),
        )

    def _database(self, **changed: object) -> None:
        """Replace what changed; what waits to be written and the room on the disk are read anew."""
        self._state.database.put(
            ONLY,
            structs.replace(
                self._state.database[ONLY],
                spool_bytes=int(self._meters.gauge("spool_bytes").value),
                buffered_rows=int(self._meters.gauge("buffered_rows").value),
                disk_free_bytes=_disk_free(self._folder),
                **changed,
            ),
        )


def _disk_free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _resource_reader() -> Callable[[], ResourceRow]:
    """What reads this process's use of resources; psutil is loaded with it."""
    import psutil  # noqa: PLC0415  not needed before the first paint

    process = psutil.Process()
    process.cpu_percent()

    def read() -> ResourceRow:
        with process.oneshot():
            return ResourceRow(
                memory_mb=process.memory_info().rss / 1e6,
                cpu_percent=process.cpu_percent(),
                tasks=len(asyncio.all_tasks()),
                threads=process.num_threads(),
                open_files=process.num_fds(),
            )

    return read
