"""Kraken's names for instruments, channels and timeframes."""

from alphaplus_tui.domain.timeframe import Timeframe

_OF_STREAM = {"XBT": "BTC", "XDG": "DOGE"}
"""Version 2 of the streams writes these two as everybody does; REST keeps the old names."""
_OF_REST = {new: old for old, new in _OF_STREAM.items()}
_UNIFIED = {"LUNA": "LUNC", "LUNA2": "LUNA", "REP": "REPV1", "REPV2": "REP", "UST": "USTC"}
"""Coins that took over, or lost, a name; ccxt's form."""

MINUTES: dict[Timeframe, int] = {
    Timeframe("1m"): 1,
    Timeframe("5m"): 5,
    Timeframe("15m"): 15,
    Timeframe("30m"): 30,
    Timeframe("1h"): 60,
    Timeframe("4h"): 240,
    Timeframe("1d"): 1440,
}
"""Candles that REST has. Its weeks open on Thursdays, ours on Mondays, and are made of days."""


TOLD = Timeframe("1m")
"""Of the candles that are streamed; that one closed shows only when the next begins."""


def stream_name(wsname: str) -> str:
    """``XBT/USD``, as REST lists it for the old streams, is ``BTC/USD`` on the new ones."""
    base, _, quote = wsname.partition("/")
    return f"{_OF_STREAM.get(base, base)}/{_OF_STREAM.get(quote, quote)}"


def rest_name(stream: str) -> str:
    """``BTC/USD`` is asked for as ``XBTUSD``."""
    base, _, quote = stream.partition("/")
    return _OF_REST.get(base, base) + _OF_REST.get(quote, quote)


def unified(coin: str) -> str:
    """The name that a coin of the streams has everywhere else."""
    return _UNIFIED.get(coin, coin)
