"""Which exchanges there are; strings, so that asking imports none of them."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from alphaplus_tui.errors import ConfigError, UnknownName
from alphaplus_tui.exchanges.ccxt.names import CCXT_NAMES
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData

DEMO = "demo"
"""The simulated exchange; it speaks as Binance does."""
GROUP = "alphaplus.exchanges"
"""The entry-point group in which other packages offer theirs."""

_BUILT_IN: dict[str, str] = {
    "binance": "alphaplus_tui.exchanges.binance:BinanceMarketData",
    "binanceusdm": "alphaplus_tui.exchanges.binance:BinanceFuturesMarketData",
    "bybit": "alphaplus_tui.exchanges.bybit:BybitMarketData",
    "coinbase": "alphaplus_tui.exchanges.coinbase:CoinbaseMarketData",
    "kraken": "alphaplus_tui.exchanges.kraken:KrakenMarketData",
    DEMO: "alphaplus_tui.exchanges.binance:BinanceMarketData",
}

_ANY = "alphaplus_tui.exchanges.ccxt.adapter:CcxtMarketData"
"""Runs every exchange of CCXT_NAMES that nothing better is there for."""

Tap = Callable[[int, bytes, int], None]
"""Hears each raw frame: UTC ns of its receipt, its bytes, and the number of its connection (0: it came over REST).

The first frame of a connection is an ``Opening`` of ours, which says what the connection is for.
"""


class MarketDataFactory(Protocol):
    """How an adapter is made; it does no I/O before its first use."""

    def __call__(
        self,
        exchange: str,
        *,
        rest_url: str | None,
        ws_url: str | None,
        cache_dir: Path,
        clock: Clock,
        market: MarketClock,
        meters: Meters,
        tap: Tap | None = None,
    ) -> MarketData: ...


def exchange_names() -> tuple[str, ...]:
    """All that can be asked for, in alphabetical order."""
    return tuple(sorted({*_BUILT_IN, *CCXT_NAMES, *_offered()}))


def exchange_factory(name: str) -> MarketDataFactory:
    """The adapter of exchange ``name``, imported now. Raises UnknownName, with the nearest that is known."""
    if name in _BUILT_IN:
        return _imported(_BUILT_IN[name])
    offered = _offered().get(name)
    if offered is None:
        if name in CCXT_NAMES:
            return _imported(_ANY)
        raise UnknownName("exchange", name, exchange_names())
    try:
        return cast(MarketDataFactory, offered.load())
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"exchange {name!r} ({offered.value}) cannot be loaded: {error}") from error


def _imported(address: str) -> MarketDataFactory:
    module, _, attribute = address.partition(":")
    return cast(MarketDataFactory, getattr(import_module(module), attribute))


def _offered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
