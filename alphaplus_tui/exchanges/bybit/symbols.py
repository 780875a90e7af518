"""Bybit's names: categories, topics, instruments, timeframes."""

from datetime import UTC, datetime

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.timeframe import Timeframe

SPOT, LINEAR = "spot", "linear"
CATEGORIES = (SPOT, LINEAR)
PERPETUAL = "LinearPerpetual"

TOLD = Timeframe("1m")
"""Of the candles that are streamed: closed ones say so."""

INTERVALS: dict[Timeframe, str] = {
    Timeframe("1m"): "1",
    Timeframe("3m"): "3",
    Timeframe("5m"): "5",
    Timeframe("15m"): "15",
    Timeframe("30m"): "30",
    Timeframe("1h"): "60",
    Timeframe("2h"): "120",
    Timeframe("4h"): "240",
    Timeframe("6h"): "360",
    Timeframe("12h"): "720",
    Timeframe("1d"): "D",
    Timeframe("1w"): "W",
}

KLINE = f"kline.{INTERVALS[TOLD]}"

_TOPICS: dict[str, dict[Channel, str]] = {
    SPOT: {
        Channel.TRADE: "publicTrade",
        Channel.TICKER: "orderbook.1",  # the spot market's tickers have no best prices
        Channel.BOOK: "orderbook.200",
        Channel.STATISTICS: "tickers",
        Channel.CANDLE: KLINE,
    },
    LINEAR: {
        Channel.TRADE: "publicTrade",
        Channel.TICKER: "tickers",
        Channel.BOOK: "orderbook.200",
        Channel.STATISTICS: "tickers",
        Channel.CANDLE: KLINE,
    },
}


def category_of(symbol: str) -> str:
    """``BTC/USDT`` is spot, ``BTC/USDT:USDT`` linear; both are ``BTCUSDT`` there, on different sockets."""
    return LINEAR if ":" in symbol else SPOT


def topics_of(instrument: Instrument, channels: frozenset[Channel]) -> tuple[str, ...]:
    """Each once, though two channels may share one."""
    names = _TOPICS[category_of(instrument.symbol)]
    return tuple(
        dict.fromkeys(f"{names[channel]}.{instrument.venue_symbol}" for channel in names if channel in channels)
    )


def unified_symbol(base: str, quote: str, *, settle: str, contract: str, delivers_at_ms: int) -> str:
    """ccxt's form. settle: empty for spot."""
    if not settle:
        return f"{base}/{quote}"
    if contract == PERPETUAL or delivers_at_ms <= 0:
        return f"{base}/{quote}:{settle}"
    return f"{base}/{quote}:{settle}-{datetime.fromtimestamp(delivers_at_ms / 1000, UTC):%y%m%d}"


def guessed_venue_symbol(symbol: str) -> str | None:
    """What ``symbol`` is most likely called there; None for contracts that end."""
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if "-" in settle:
        return None
    return f"{base}PERP" if settle == "USDC" else f"{base}{quote}"
