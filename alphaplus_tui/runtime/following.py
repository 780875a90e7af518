"""The exchanges that are followed: an adapter for each, one service that listens to it and one that asks it."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from alphaplus_tui.domain.instrument import instrument_id
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, ManualMarketClock, MarketClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.demo import DemoExchange
from alphaplus_tui.runtime.options import ReplayOptions
from alphaplus_tui.settings.exchange import DEMO, ExchangeSettings
from alphaplus_tui.settings.paths import Paths

if TYPE_CHECKING:
    from alphaplus_tui.services.backfill import BackfillService
    from alphaplus_tui.services.ingestion import IngestionService


def open_exchange(
    name: str,
    exchange: ExchangeSettings,
    paths: Paths,
    *,
    clock: Clock,
    market: MarketClock,
    meters: Meters,
    demo: DemoExchange | None = None,
    tap: Callable[[int, bytes, int], None] | None = None,
) -> MarketData:
    """The adapter of exchange ``name``, pointed where the settings say, or at our own demo exchange."""
    from alphaplus_tui.exchanges.registry import exchange_factory  # noqa: PLC0415  brings the adapter's libraries

    rest_url, ws_url = exchange.endpoints(name)
    if demo is not None and name == DEMO:
        rest_url, ws_url = demo.rest_url, demo.ws_url
    return exchange_factory(name)(
        name,
        rest_url=rest_url or None,
        ws_url=ws_url or None,
        cache_dir=paths.cache,
        clock=clock,
        market=market,
        meters=meters,
        tap=tap,
    )


def open_exchanges(
    exchange: ExchangeSettings,
    paths: Paths,
    *,
    replay: ReplayOptions | None,
    demo: DemoExchange | None,
    clock: Clock,
    meters: Meters,
) -> tuple[MarketClock, list[MarketData]]:
    """The adapters of the exchanges that are followed, or of a recording, and the clock that dates their data."""
    if replay is not None:
        recorded = ManualMarketClock()
        return recorded, [open_recording(replay, clock, recorded, meters)]
    market = WallMarketClock()
    return market, [
        open_exchange(name, exchange, paths, clock=clock, market=market, meters=meters, demo=demo)
        for name in exchange.followed()
    ]


def open_recording(replay: ReplayOptions, clock: Clock, market: ManualMarketClock, meters: Meters) -> MarketData:
    from alphaplus_tui.exchanges.replay import ReplayMarketData  # noqa: PLC0415  brings the parser's libraries

    return ReplayMarketData(
        replay.files, exchange=replay.exchange, speed=replay.speed, clock=clock, market=market, meters=meters
    )


def followers(
    exchanges: Sequence[MarketData],
    settings: ExchangeSettings,
    reader: StoreReader,
    bus: Bus,
    timeframes: Sequence[Timeframe],
    *,
    followed: Mapping[str, Sequence[str] | None],
    history_candles: int,
    live: bool,
    clock: Clock,
    market: MarketClock,
    meters: Meters,
    rng: Random,
) -> "tuple[list[BackfillService], list[IngestionService]]":
    """What asks and what listens, for each of ``exchanges``; the trouble of one is none of another's.

    followed: symbols by exchange; none at all: everything; None: nothing for now.
    live: False for a recording, of which everything is followed.
    """
    from alphaplus_tui.services.backfill import BackfillService  # noqa: PLC0415  brings the adapters' libraries
    from alphaplus_tui.services.ingestion import IngestionService  # noqa: PLC0415  likewise
    from alphaplus_tui.services.roster import Roster  # noqa: PLC0415  likewise
    from alphaplus_tui.services.told_candles import can_tell  # noqa: PLC0415  likewise

    channels = frozenset(Channel(channel) for channel in settings.channels)
    roster = Roster([instrument_id(name, symbol) for name, symbol in settings.watchlist()])
    asking: list[BackfillService] = []
    listening: list[IngestionService] = []
    for number, data in enumerate(exchanges):
        suffix = f":{data.exchange}" if number else ""
        # a timeframe that none of ours can be held against would cost and be of no use
        wanted = Channel.CANDLE in channels and any(can_tell(data.told_timeframe, ours) for ours in timeframes)
        backfill = BackfillService(
            data,
            reader,
            bus,
            timeframes,
            history_candles=history_candles if live else 0,
            max_trades=settings.backfill_max_trades,
            live=live,
            clock=clock,
            market=market,
            meters=meters,
            rng=rng,
            told=data.told_timeframe if wanted else None,
            name=f"backfill{suffix}",
        )
        asking.append(backfill)
        listening.append(
            IngestionService(
                data,
                bus,
                symbols=followed.get(data.exchange, ()),
                channels=channels if wanted else channels - {Channel.CANDLE},
                market=market,
                meters=meters,
                rng=rng,
                roster=roster,
                name=f"ingestion{suffix}",
                backfill=backfill.name,
            )
        )
    return asking, listening
