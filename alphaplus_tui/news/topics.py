"""Which coins a headline speaks of."""

import re
from collections.abc import Mapping

_NAMES: Mapping[str, str] = {
    "bitcoin": "BTC", "btc": "BTC", "ethereum": "ETH", "ether": "ETH", "eth": "ETH", "solana": "SOL", "xrp": "XRP",
    "ripple": "XRP", "dogecoin": "DOGE", "doge": "DOGE", "cardano": "ADA", "tron": "TRX", "avalanche": "AVAX",
    "chainlink": "LINK", "polkadot": "DOT", "litecoin": "LTC", "uniswap": "UNI", "cosmos": "ATOM", "stellar": "XLM",
    "filecoin": "FIL", "arbitrum": "ARB", "aptos": "APT", "hedera": "HBAR", "aave": "AAVE", "algorand": "ALGO",
    "shiba": "SHIB", "bnb": "BNB", "toncoin": "TON", "monero": "XMR", "zcash": "ZEC",
}  # fmt: skip
"""As anybody writes them, in any case."""
_TICKERS = frozenset(
    {
        *("ADA", "APT", "ARB", "ATOM", "AVAX", "BCH", "DOT", "ETC", "FIL", "HBAR", "ICP"),
        *("INJ", "LINK", "LTC", "NEAR", "SOL", "SUI", "TON", "TRX", "UNI", "XLM"),
    }
)
"""Also words of the language, or parts of names: only in capitals."""
_WORD = re.compile(r"[A-Za-z]{2,12}")
MOST = 8


def bases(title: str) -> tuple[str, ...]:
    """Such as BTC, in the order they are named, at most ``MOST``."""
    found: dict[str, None] = {}
    for word in _WORD.findall(title):
        base = _NAMES.get(word.lower()) or (word if word in _TICKERS else None)
        if base:
            found[base] = None
    return tuple(found)[:MOST]
