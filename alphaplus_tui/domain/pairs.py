"""Takes names apart in which base and quote stand side by side, such as ``BTCUSDT``."""

_QUOTES = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD1", "USDP", "DAI", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY",
    "GBP", "AUD", "RUB", "UAH", "ZAR", "PLN", "RON", "ARS", "MXN", "COP", "CZK", "IDR", "NGN", "BIDR", "DOGE", "TRX",
    "XRP", "DOT", "SOL", "EURI", "VAI", "PAX", "USDS", "USD", "CAD", "CHF", "KRW", "XBT",
)  # fmt: skip
_LONGEST_FIRST = tuple(sorted(_QUOTES, key=len, reverse=True))
_SAME = {"XBT": "BTC", "XDG": "DOGE"}
"""Kraken's names of what all others call otherwise."""


def split_pair(name: str) -> tuple[str, str] | None:
    """Base and quote of an upper-case ``name``, by the longest known quote it ends with; None if there is none."""
    for quote in _LONGEST_FIRST:
        if name.endswith(quote) and len(name) > len(quote):
            return name[: -len(quote)], quote
    return None


def unified_symbol(name: str) -> str:
    """``BTC/USDT`` of ``btcusdt``, ``BTC-USDT``, ``BTC/USDT`` or ``XBTUSDT``; empty where it cannot be told."""
    text = name.strip().upper()
    for between in "/-_":
        base, found, quote = text.partition(between)
        if found:
            return f"{_SAME.get(base, base)}/{quote}" if base and quote else ""
    if len(text) == 8 and text[0] == "X" and text[4] == "Z":  # Kraken's oldest names, such as XXBTZUSD
        text = text[1:4] + text[5:]
    parts = (text[:3], text[3:]) if text[:3] in _SAME and text[3:] in _QUOTES else split_pair(text)
    return "/".join(_SAME.get(part, part) for part in parts) if parts else ""
