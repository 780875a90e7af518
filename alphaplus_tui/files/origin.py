"""Tells whose prices a file holds, where its format, its name or its folders say so."""

import re
from collections.abc import Collection

from alphaplus_tui.files.guess import Guess
from alphaplus_tui.files.sources import Source

_OF_FORMAT = {
    "binance-klines": "binance",
    "binance-trades": "binance",
    "binance-aggtrades": "binance",
    "binance-stream": "binance",
    "kraken-ohlcvt": "kraken",
}
"""Formats that only one exchange writes."""
_MAKER = re.compile(r"([A-Za-z]+)_.+")
"""CryptoDataDownload's names begin with the exchange: Coinbase_BTCUSD_1h."""
_FOLDERS = 4
"""So near: freqtrade keeps ``binance/futures/…``, LEAN ``crypto/coinbase/minute/btcusd/…``."""


def exchange_of_file(source: Source, made: Guess, known: Collection[str]) -> str:
    """One of ``known``; empty where nothing says it, or two things say different ones."""
    if made.kind == "recording":
        return ""  # the demo market's look like Binance's
    said = {name for name in (_OF_FORMAT.get(made.format_name, ""), _maker(source, made)) if name in known}
    said |= set() if said else set(source.folders[-_FOLDERS:]) & set(known)
    return _of_contracts(said.pop(), made.symbol, known) if len(said) == 1 else ""


def _maker(source: Source, made: Guess) -> str:
    maker = _MAKER.fullmatch(source.stem) if made.format_name == "cryptodatadownload" else None
    return maker[1].lower() if maker is not None else ""


def _of_contracts(exchange: str, symbol: str, known: Collection[str]) -> str:
    """Binance's perpetuals are traded on exchanges of their own."""
    if exchange != "binance" or ":" not in symbol:
        return exchange
    pair, _, settled = symbol.partition(":")
    contracts = "binanceusdm" if pair.endswith(f"/{settled}") else "binancecoinm"
    return contracts if contracts in known else ""
