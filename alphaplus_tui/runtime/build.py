"""Wires services and adapters together; the only file that knows both."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

from pydantic import SecretStr

from alphaplus_tui import __version__
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock, MarketClock, SystemClock, WallMarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Service
from alphaplus_tui.kernel.watchdog import Watchdog
from alphaplus_tui.runtime.demo import DemoExchange, free_port
from alphaplus_tui.runtime.engine import Engine, Parts
from alphaplus_tui.runtime.following import followers, open_exchange, open_recording
from alphaplus_tui.runtime.judging import adopt_demo_model, judging
from alphaplus_tui.runtime.local_session import LocalSession
from alphaplus_tui.runtime.options import ReplayOptions
from alphaplus_tui.runtime.sharing import owned, share_of
from alphaplus_tui.settings.exchange import DEMO
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.state.slices import Mode, SystemRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY

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
            addresses=addresses or {},
            meters=meters,
        )

    return Engine(
        build,
        LocalSession(state, paths.log_file),
        demo=demo,
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
    addresses: Mapping[str, SecretStr],
    meters: Meters,
) -> Parts:
    # asyncpg, aiohttp, websockets and numpy come with these: not before the first paint
    from alphaplus_tui.news.web import WebNews  # noqa: PLC0415
    from alphaplus_tui.runtime.alerting import alerting  # noqa: PLC0415
    from alphaplus_tui.runtime.keeping import model_keeping  # noqa: PLC0415
    from alphaplus_tui.services.candles import CandleService  # noqa: PLC0415
    from alphaplus_tui.services.continuity import ContinuityService  # noqa: PLC0415
    from alphaplus_tui.services.database import DatabaseService  # noqa: PLC0415
    from alphaplus_tui.services.monitor import MonitorService  # noqa: PLC0415
    from alphaplus_tui.services.moods import Moods  # noqa: PLC0415
    from alphaplus_tui.services.persistence import PersistenceService  # noqa: PLC0415
    from alphaplus_tui.services.projection import ProjectionService  # noqa: PLC0415
    from alphaplus_tui.services.retention import RetentionService  # noqa: PLC0415
    from alphaplus_tui.services.sentiment import SentimentService  # noqa: PLC0415
    from alphaplus_tui.storage.database import PostgresDatabase  # noqa: PLC0415
    from alphaplus_tui.storage.spool import FileSpool  # noqa: PLC0415

    clock, rng = SystemClock(), Random()  # noqa: S311  jitter, not a secret
    bus, exchange = Bus(clock=clock), settings.exchange
    moods = Moods(bus)
    timeframes = [parse_timeframe(name) for name in exchange.timeframes]
    if settings.inference.enabled and settings.training.timeframe not in timeframes:
        timeframes.append(settings.training.timeframe)
    market: MarketClock
    if replay is not None:
        market = recorded = ManualMarketClock()
        exchanges = [open_recording(replay, clock, recorded, meters)]
    else:
        market = WallMarketClock()
        exchanges = [
            open_exchange(name, exchange, paths, clock=clock, market=market, meters=meters, demo=demo)
            for name in exchange.followed()
        ]
    database = PostgresDatabase(
        settings.database, data_dir=paths.database, runtime_dir=paths.runtime, clock=clock, meters=meters
    )
    writer, reader = database.writer, database.reader
    spool = FileSpool(paths.spool, max_bytes=settings.database.spool_max_mb * 1_000_000, clock=clock)
    persistence = PersistenceService(writer, reader, spool, bus, clock=clock, market=market, meters=meters)
    keeping = model_keeping(
        settings,
        paths,
        writer,
        reader,
        bus,
        state=state,
        recorded=replay is not None,
        clock=clock,
        market=market,
        meters=meters,
    )
    persistence.after = (
        *persistence.after,
        keeping.opinions.name,
    )  # so that it is there for whatever those after it decide
    monitor = MonitorService(
        state, bus, reader, exchanges, system=system, folder=paths.data, clock=clock, market=market, meters=meters
    )
    asking, listening = followers(
        exchanges,
        exchange,
        reader,
        bus,
        timeframes,
        followed=followed,
        history_candles=_history_candles(settings),
        live=replay is None,
        clock=clock,
        market=market,
        meters=meters,
        rng=rng,
    )
    services: list[Service] = [
        Watchdog(meters),
        DatabaseService(database.run, bus, market=market),
        keeping.opinions,
        persistence,
        ProjectionService(state, bus, timeframes, clock=clock, market=market),
        monitor,
        CandleService(bus, timeframes, market=market, meters=meters),
        ContinuityService(reader, bus, resume=replay is None, market=market, meters=meters, rng=rng),
        *asking,
        *listening,
        RetentionService(writer, settings.database, market=market, rng=rng),
        SentimentService(
            WebNews(market),
            reader,
            bus,
            settings.sentiment,
            state=state,
            moods=moods,
            market=market,
            recorded=replay is not None,
        ),
        keeping.training,
        alerting(
            settings.alerts,
            addresses,
            reader,
            bus,
            state=state,
            recorded=replay is not None,
            market=market,
            rng=rng,
        ),
    ]
    if demo is not None:
        services.append(demo)
        # whoever asks the exchange need not find it deaf first
        for service in listening:
            service.after = (*service.after, demo.name)
        monitor.after = (*monitor.after, demo.name)
    settled = _one_after_the_other(persistence.settled, keeping.opinions.settled)
    if settings.inference.enabled:
        if system.mode is Mode.DEMO:
            adopt_demo_model(paths.models, market.now)
        judges = judging(
            settings,
            paths.models,
            reader,
            bus,
            state=state,
            moods=moods,
            recorded=replay is not None,
            clock=clock,
            market=market,
            meters=meters,
        )
        services.extend(judges.services)
        settled = _one_after_the_other(judges.settled, persistence.settled, keeping.opinions.settled)
    manager = ServiceManager(services, clock=clock, stop_within_s=_STOP_WITHIN_S, on_change=bus.publish, rng=rng)
    return Parts(
        bus=bus,
        market=market,
        manager=manager,
        reader=reader,
        models=keeping.desk,
        figures=monitor,
        settled=settled,
        closing=(*(data.close for data in exchanges), spool.close, keeping.close, database.close),
        database_socket=lambda: str(database.socket_dir) if database.socket_dir else None,
        state_to_screen=meters.histogram("state_to_screen"),
    )


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
