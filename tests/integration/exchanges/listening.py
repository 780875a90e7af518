"""Runs an adapter against a server and keeps what its stream says."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from msgspec import structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Trade
from alphaplus_tui.exchanges.binance import BinanceMarketData
from alphaplus_tui.exchanges.ccxt.adapter import CcxtMarketData
from alphaplus_tui.exchanges.ccxt.quirks import quirks_of
from alphaplus_tui.exchanges.registry import exchange_factory
from alphaplus_tui.exchanges.shared.connection import Habits
from alphaplus_tui.exchanges.shared.talk import Patience
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import FeedEvent, MarketData

E = TypeVar("E")
QUICK = Habits(
    open_within_s=1.0,
    answer_within_s=0.5,
    retry_base_s=0.02,
    retry_cap_s=0.05,
    retry_cap_away_s=0.05,
    retry_cap_mute_s=0.05,
    refused_wait_s=0.3,
    requests_per_s=100.0,
    patience=Patience(silent_after_s=0.3, first_data_within_s=0.4, look_every_s=0.02),
)
"""The same habits, hundreds of times less patient."""
BTC = Instrument("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 0.00001)
TRADES = frozenset({Channel.TRADE})


def an_adapter(rest_url: str, ws_url: str, folder: Path, **options: Any) -> BinanceMarketData:
    options = {"exchange": "binance", "market": WallMarketClock(), "habits": QUICK, "rng": Random(1)} | options
    return BinanceMarketData(
        rest_url=rest_url, ws_url=ws_url, cache_dir=folder, clock=SystemClock(), meters=Meters(), **options
    )


def a_native_adapter(exchange: str, rest_url: str, ws_url: str, folder: Path, **options: Any) -> MarketData:
    """The adapter that the registry has for ``exchange``."""
    options = {"market": WallMarketClock(), "habits": QUICK, "rng": Random(1)} | options
    make: Any = exchange_factory(exchange)  # habits and rng are for tests alone
    return make(
        exchange, rest_url=rest_url, ws_url=ws_url, cache_dir=folder, clock=SystemClock(), meters=Meters(), **options
    )


WITHOUT_NUMBERS = structs.replace(quirks_of("binance"), numbered=False)
"""As if nobody knew that Binance counts its trades."""


def a_ccxt_adapter(rest_url: str, ws_url: str, folder: Path, **options: Any) -> CcxtMarketData:
    """ccxt's Binance, as patient as it is in earnest."""
    options = {"exchange": "binance", "market": WallMarketClock(), "rng": Random(1)} | options
    return CcxtMarketData(
        rest_url=rest_url, ws_url=ws_url, cache_dir=folder, clock=SystemClock(), meters=Meters(), **options
    )


class Heard:
    """Everything a stream said, in order."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.ended = False

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def seqs(self) -> list[int]:
        return [trade.seq for trade in self.of(Trade)]


@asynccontextmanager
async def listening(
    adapter: MarketData, instruments: Sequence[Instrument] = (BTC,), channels: frozenset[Channel] = TRADES
) -> AsyncGenerator[Heard]:
    """What the stream of ``adapter`` says, while the block lasts; an error of the stream is raised at its end."""
    heard = Heard()

    async def listen() -> None:
        async with adapter.stream(instruments, channels) as stream:
            async for received in stream:
                heard.events.extend(received.events)
        heard.ended = True

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})
        await adapter.close()
        if not task.cancelled():
            task.result()
