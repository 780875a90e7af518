"""Binance's names for instruments."""

from datetime import UTC, datetime

PERPETUAL = "PERPETUAL"
_LATEST_MS = 4_102_444_800_000
"""2100; Binance writes perpetuals' delivery at about that."""
SNAPSHOT = "snapshot"
"""A stream that only recordings have: what REST answered for an order book."""


def venue_symbol(symbol: str) -> str:
    """``BTC/USDT`` is ``BTCUSDT`` on the spot market."""
    return symbol.replace("/", "")


def unified_symbol(base: str, quote: str, *, margin: str, contract: str, delivers_at_ms: int) -> str:
    """ccxt's form: ``BTC/USDT``, ``BTC/USDT:USDT`` for a perpetual, ``BTC/USDT:USDT-261225`` for one that ends."""
    if not margin:
        return f"{base}/{quote}"
    perpetual = f"{base}/{quote}:{margin}"
    if PERPETUAL in contract or not 0 < delivers_at_ms < _LATEST_MS:
        return perpetual
    return f"{perpetual}-{datetime.fromtimestamp(delivers_at_ms / 1000, UTC):%y%m%d}"
