"""Writes down what an exchange sends, frame by frame, in the format that replay reads."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from alphaplus_tui.domain.market import Channel
from alphaplus_tui.errors import UsageError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.runtime.demo import DemoExchange, free_port
from alphaplus_tui.runtime.following import open_exchange
from alphaplus_tui.settings.exchange import DEMO
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

if TYPE_CHECKING:
    from alphaplus_tui.services.ingestion import IngestionService

_PROGRESS_EVERY_S = 1.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class RecordSummary(Struct, frozen=True, tag_field="event", tag="recorded"):
    """What a recording came to."""

    file: str
    frames: int
    seconds: float


async def record(
    settings: Settings,
    paths: Paths,
    file: Path,
    *,
    duration_s: float | None,
    stop: asyncio.Event,
    on_progress: Callable[[int], None],
) -> RecordSummary:
    """Until ``stop``, or for ``duration_s``; ``on_progress`` is told the number of frames each second.

    Nothing is stored beside the file. Raises UsageError where the file cannot be made.
    """
    from alphaplus_tui.exchanges.recording import RecordingWriter  # noqa: PLC0415  brings the adapter's libraries
    from alphaplus_tui.services.ingestion import IngestionService  # noqa: PLC0415  likewise

    clock, meters, market, exchange = SystemClock(), Meters(), WallMarketClock(), settings.exchange
    name, *others = exchange.followed()
    if others:
        log.warning("not_recorded", exchanges=others, reason="a recording is of one exchange")
    demo = DemoExchange(settings.demo, port=free_port()) if exchange.id == DEMO and not exchange.rest_url else None
    writer = RecordingWriter(file, clock)
    data = open_exchange(name, exchange, paths, clock=clock, market=market, meters=meters, demo=demo, tap=writer.tap)
    ingestion = IngestionService(
        data,
        Bus(clock=clock),  # nobody listens: the tap has heard every frame before
        symbols=exchange.followed()[name],
        channels=frozenset(Channel(name) for name in exchange.channels),
        market=market,
        meters=meters,
        rng=Random(),  # noqa: S311  jitter, not a secret
    )
    started = time.monotonic()
    try:
        async with writer:
            telling = _tell(lambda: writer.frames, on_progress)
            await _until_one_ends(_follow(demo, ingestion, clock), stop.wait(), telling, within_s=duration_s)
    except FileExistsError:
        raise UsageError(f"{file}: is there already, and a recording overwrites nothing; choose another name") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from None
    finally:
        await data.close()
    return RecordSummary(str(file), writer.frames, round(time.monotonic() - started, 3))


async def _until_one_ends(*work: Coroutine[None, None, object], within_s: float | None) -> None:
    """Run all of it, until one ends or the time is over; then none runs any more. Raises what that one raised."""
    tasks = {asyncio.create_task(one) for one in work}
    try:
        done, _ = await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _follow(demo: DemoExchange | None, ingestion: "IngestionService", clock: SystemClock) -> None:
    """The exchange, and the demo exchange before it where that is what is recorded."""
    async with asyncio.TaskGroup() as tasks:
        if demo is not None:
            life = Life(demo.name, clock)
            tasks.create_task(demo.run(life))
            await life.wait_ready()
        await ingestion.run(Life(ingestion.name, clock))


async def _tell(frames: Callable[[], int], on_progress: Callable[[int], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_EVERY_S)
        on_progress(frames())
