"""Reads off the name of a file what it holds: symbol, timeframe, kind, day."""

import re
from collections.abc import Mapping

from msgspec import Struct

from alphaplus_tui.domain.pairs import unified_symbol
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.files.sources import Source

_MINUTES = {1: "1m", 3: "3m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 120: "2h", 240: "4h", 360: "6h", 480: "8h",
            720: "12h", 1440: "1d", 4320: "3d", 10080: "1w"}  # fmt: skip
_WORDS = {"minute": "1m", "hour": "1h", "hourly": "1h", "1hr": "1h", "daily": "1d", "day": "1d", "d": "1d",
          "second": "1s"}  # fmt: skip


class Named(Struct, frozen=True):
    """What a name says; what it does not say is empty."""

    symbol: str = ""
    timeframe: Timeframe | None = None
    kind: str = ""
    """``futures``, ``funding_rate``, ``mark``, ``trades``, ``aggTrades``, ``trade``, ``quote`` …"""
    day: str = ""
    """``20240131`` where the file holds one day of times within it."""


_FORMS = tuple(
    re.compile(form)
    for form in (
        # freqtrade: BTC_USDT-5m, BTC_USDT_USDT-1h-futures, BTC_USDT-trades
        (
            r"(?P<base>[A-Za-z0-9]+)_(?P<quote>[A-Za-z0-9]+?)(?:_(?P<settle>[A-Za-z0-9]+))?-"
            r"(?:(?P<timeframe>\d+[smhdwM])(?:-(?P<kind>[a-z_]+))?|(?P<trades>trades))"
        ),
        # Binance: BTCUSDT-1m-2024-01, BTCUSDT-aggTrades-2024-01-31
        (
            r"(?P<pair>[A-Z0-9]+)-(?:(?P<timeframe>\d+(?:s|m|h|d|w|mo|M))|(?P<kind>trades|aggTrades))"
            r"-\d{4}-\d\d(?:-\d\d)?"
        ),
        # LEAN: 20171217_btcusd_minute_trade
        r"(?P<day>\d{8})_(?P<pair>[a-z0-9]+)_(?P<timeframe>second|minute)_(?P<kind>trade|quote)",
        # CryptoDataDownload: Coinbase_BTCUSD_1h, bitstamp_BTC_USD-Hourly
        (
            r"[A-Za-z]+_(?P<pair>[A-Za-z0-9]+(?:_[A-Za-z0-9]{3,5})?)[_-]"
            r"(?P<timeframe>\d+(?:m|h|hr|d)|[Mm]inute|[Hh]ourly|[Hh]our|[Dd]aily|d)"
        ),
        # Kraken, minutes at the end: XBTUSD_60
        r"(?P<pair>[A-Z0-9]{5,12})_(?P<minutes>\d{1,5})",
        # many: BTCUSDT_1m, BTC-USDT_1h, btcusdt-5m
        r"(?P<pair>[A-Za-z0-9]{5,12}|[A-Za-z0-9]+-[A-Za-z]+)[_-](?P<timeframe>\d+[smhdw])",
        r"(?P<pair>[A-Za-z0-9]{6,12})",
    )
)


def read_name(source: Source) -> Named:
    """By the forms that makers use; the name inside a zip counts before the zip's own."""
    for stem in dict.fromkeys((source.stem, Source(source.path).stem)):
        for form in _FORMS:
            found = form.fullmatch(stem)
            if found is not None and (named := _named(found.groupdict(""))) is not None:
                return named
    return Named()


def _named(groups: Mapping[str, str]) -> Named | None:
    """None where what stands for a pair is none."""
    if base := groups.get("base"):
        symbol = f"{base}/{groups['quote']}" + (f":{groups['settle']}" if groups["settle"] else "")
    else:
        symbol = unified_symbol(groups["pair"])
    if not symbol:
        return None
    minutes = groups.get("minutes")
    name = _MINUTES.get(int(minutes), "") if minutes else groups.get("timeframe", "")
    name = _WORDS.get(name.lower(), name)
    timeframe = Timeframe(name) if name in TIMEFRAMES else None
    return Named(symbol, timeframe, groups.get("kind") or groups.get("trades", ""), groups.get("day", ""))
