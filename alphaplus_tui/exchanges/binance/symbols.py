"""Binance's names for instruments, streams and moments."""

from alphaplus_tui.domain.market import Channel

STREAMS: dict[Channel, str] = {
    Channel.TRADE: "trade",
    Channel.TICKER: "bookTicker",
    Channel.BOOK: "depth@100ms",
    Channel.STATISTICS: "ticker",
}
SNAPSHOT = "snapshot"
"""A stream that only recordings have: what REST answered for an order book."""

_QUOTES = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD1", "USDP", "DAI", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY",
    "GBP", "AUD", "RUB", "UAH", "ZAR", "PLN", "RON", "ARS", "MXN", "COP", "CZK", "IDR", "NGN", "BIDR", "DOGE", "TRX",
    "XRP", "DOT", "SOL", "EURI", "VAI", "PAX", "USDS",
)  # fmt: skip


def venue_symbol(symbol: str) -> str:
    """``BTC/USDT`` is ``BTCUSDT`` there; what a contract settles in has no place on the spot market."""
    return symbol.replace("/", "")


def stream_name(venue: str, channel: Channel) -> str:
    return f"{venue.lower()}@{STREAMS[channel]}"


def split_venue_symbol(venue: str) -> tuple[str, str] | None:
    """Base and quote of ``BTCUSDT`` where nothing but the name is known: by the longest known quote; None if none."""
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if venue.endswith(quote) and len(venue) > len(quote):
            return venue[: -len(quote)], quote
    return None
