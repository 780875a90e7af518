"""Wires services and adapters together; the only file that knows both."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

from pydantic import SecretStr

from alphaplus_tui import __version__
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Service
from alphaplus_tui.kernel.watchdog import Watchdog
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.demo import DemoExchange, free_port
from alphaplus_tui.runtime.engine import Engine, Parts
from alphaplus_tui.runtime.following import followers, open_exchanges
from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.runtime.judging import Judging, adopt_demo_model, judging
from alphaplus_tui.runtime.local_session import LocalSession
from alphaplus_tui.runtime.options import ReplayOptions
from alphaplus_tui.runtime.sharing import owned, share_of
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.settings.exchange import DEMO
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.state.slices import Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.storage.embedded import EmbeddedServer

_STOP_WITHIN_S = 4.0
"""Shared by the levels of services: what writes last must have its last words within a fifth of it."""


def build_engine(
    settings: Settings,
    paths: Paths,
    *,
    replay: ReplayOptions | None = None,
    started_at: float,
    addresses: Mapping[str, SecretStr] | None = None,
) -> Engine:
    """An engine that does nothing yet: no I/O, no heavy imports before its ``start``.

    started_at: ``time.monotonic()`` at the first line of the program.
    addresses: Apprise URLs by the name of their channel.
    """
    state = StateStore()
    system = SystemRow(
        mode=_mode(settings, replay),
        version=__version__,
        exchange=replay.exchange if replay else ", ".join(settings.exchange.followed()),
        started_at=time.time_ns(),
        startup_s=None,
        market_now=0,
        clock_offset_ms=0.0,
    )
    state.system.put(ONLY, system)
    demo: DemoExchange | None = None
    if replay is None and settings.exchange.id == DEMO and not settings.exchange.rest_url:
        demo = DemoExchange(settings.demo, port=free_port())
    server: EmbeddedServer | None = None
    if settings.database.embedded:
        server = EmbeddedServer(paths.database, runtime_dir=paths.runtime, clock=SystemClock())
    meters = Meters()

    def build(mine: frozenset[str] | None) -> Parts:
        return _assemble(
            settings,
            paths,
            state,
            system,
            followed={} if replay is not None else owned(settings.exchange, mine),
            replay=replay,
            demo=demo,
            server=server,
            addresses=addresses or {},
            meters=meters,
        )

    return Engine(
        build,
        LocalSession(state, paths.log_file),
        demo=demo,
        server=server,
        replays=replay is not None,
        started_at=started_at,
        share=share_of(settings) if replay is None and settings.sharding.enabled else None,
        forget=state.forget_markets,
    )


def _mode(settings: Settings, replay: ReplayOptions | None) -> Mode:
    if replay is not None:
        return Mode.REPLAY
    return Mode.DEMO if settings.exchange.id == DEMO else Mode.LIVE


def _assemble(
    settings: Settings,
    paths: Paths,
    state: StateStore,
    system: SystemRow,
    *,
    followed: Mapping[str, Sequence[str] | None],
    replay: ReplayOptions | None,
    demo: DemoExchange | None,
    server: EmbeddedServer | None,
    addresses: Mapping[str, SecretStr],
    meters: Meters,
) -> Parts:
    # asyncpg, aiohttp, websockets and numpy come with these: not before the first paint
    from alphaplus_tui.runtime.alerting import alerting  # noqa: PLC0415
    from alphaplus_tui.runtime.keeping import model_keeping  # noqa: PLC0415
    from alphaplus_tui.runtime.sensing import sensing  # noqa: PLC0415
    from alphaplus_tui.runtime.storing import storing  # noqa: PLC0415
    from alphaplus_tui.services.monitor import MonitorService  # noqa: PLC0415

    clock, rng = SystemClock(), Random()  # noqa: S311  jitter, not a secret
    bus = Bus(clock=clock)
    market, exchanges = open_exchanges(settings.exchange, paths, replay=replay, demo=demo, clock=clock, meters=meters)
    ground = Ground(settings, paths, state, bus, clock, market, meters, rng, recorded=replay is not None)
    stores = storing(ground, server)
    database, persistence, reader = stores.database, stores.persistence, stores.database.reader
    keeping = model_keeping(ground, database.writer, reader)
    # so that it is there for whatever those after it decide
    persistence.after = (*persistence.after, keeping.opinions.name)
    monitor = MonitorService(
        state, bus, reader, exchanges, system=system, folder=paths.data, clock=clock, market=market, meters=meters
    )
    first = (demo.name,) if demo is not None else ()  # whoever asks the exchange need not find it deaf first
    monitor.after = (*monitor.after, *first)
    moods = Moods(bus)
    judges = _judges(ground, reader, moods, adopt=system.mode is Mode.DEMO)
    services: list[Service] = [
        Watchdog(meters),
        stores.supervision,
        keeping.opinions,
        persistence,
        monitor,
        *_following(ground, exchanges, reader, followed, first),
        stores.retention,
        sensing(ground, reader, moods),
        keeping.training,
        alerting(ground, reader, addresses),
        *judges.services,
    ]
    if demo is not None:
        services.append(demo)
    manager = ServiceManager(services, clock=clock, stop_within_s=_STOP_WITHIN_S, on_change=bus.publish, rng=rng)
    return Parts(
        bus=bus,
        market=market,
        manager=manager,
        reader=reader,
        models=keeping.desk,
        figures=monitor,
        settled=_one_after_the_other(judges.settled, persistence.settled, keeping.opinions.settled),
        closing=(*(data.close for data in exchanges), stores.spool.close, keeping.close, database.close),
        database_socket=lambda: str(database.socket_dir) if database.socket_dir else None,
        state_to_screen=meters.histogram("state_to_screen"),
    )


def _following(
    on: Ground,
    exchanges: Sequence[MarketData],
    reader: StoreReader,
    followed: Mapping[str, Sequence[str] | None],
    first: tuple[str, ...],
) -> list[Service]:
    """What follows the exchanges, once those named ``first`` have started, and makes rows and candles of it."""
    from alphaplus_tui.services.candles import CandleService  # noqa: PLC0415  brings numpy
    from alphaplus_tui.services.continuity import ContinuityService  # noqa: PLC0415  likewise
    from alphaplus_tui.services.projection import ProjectionService  # noqa: PLC0415  likewise

    timeframes, live = on.timeframes(), not on.recorded
    asking, listening = followers(
        exchanges,
        on.settings.exchange,
        reader,
        on.bus,
        timeframes,
        followed=followed,
        history_candles=_history_candles(on.settings),
        live=live,
        clock=on.clock,
        market=on.market,
        meters=on.meters,
        rng=on.rng,
    )
    for service in listening:
        service.after = (*service.after, *first)
    return [
        ProjectionService(on.state, on.bus, timeframes, clock=on.clock, market=on.market),
        CandleService(on.bus, timeframes, market=on.market, meters=on.meters),
        ContinuityService(reader, on.bus, resume=live, market=on.market, meters=on.meters, rng=on.rng),
        *asking,
        *listening,
    ]


def _judges(on: Ground, reader: StoreReader, moods: Moods, *, adopt: bool) -> Judging:
    """Those who judge candles, if the user wants any. adopt: our own model serves where there is none."""
    if not on.settings.inference.enabled:
        return Judging((), _one_after_the_other())
    if adopt:
        adopt_demo_model(on.paths.models, on.market.now)
    return judging(on, reader, moods)


def _history_candles(settings: Settings) -> int:
    """As many as the user wants to see, or as a model must look back to judge the first candle that closes."""
    from alphaplus_tui.services.windows import WINDOW  # noqa: PLC0415  brings numpy

    wanted = settings.exchange.history_candles
    return max(wanted, WINDOW + 1) if wanted and settings.inference.enabled else wanted


def _one_after_the_other(*steps: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def all_steps() -> None:
        for step in steps:
            await step()

    return all_steps
