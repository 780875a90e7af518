"""Which of ccxt's methods an exchange has for what is wanted, and how the instruments are spread over them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.exchanges.ccxt.library import Row, Venue

TOGETHER = 50
"""Instruments in one subscription, where an exchange takes several."""


class Way(Struct, frozen=True):
    """ccxt's names for the methods that do the same; ``Venue.has`` says which of them an exchange has."""

    name: str
    together: str
    """Watches several instruments."""
    alone: str
    """Watches one; empty where there is no such method."""
    question: str
    """What can be asked instead."""


TRADES = Way("trades", "watchTradesForSymbols", "watchTrades", "fetchTrades")
BOOKS = Way("book", "watchOrderBookForSymbols", "watchOrderBook", "fetchOrderBook")
BEST = Way("best", "watchBidsAsks", "", "")
TICKERS = Way("tickers", "watchTickers", "watchTicker", "fetchTicker")


class Share(Struct, frozen=True):
    """Some instruments that are heard of in one way."""

    name: str
    instruments: tuple[Instrument, ...]
    method: str
    """Of ccxt, to watch with; empty where they must be asked for."""
    argument: str | tuple[str, ...] = ""

    async def next(self, venue: Venue) -> object:
        """Wait until ccxt has something new of them."""
        watch: Callable[[Any], Awaitable[object]] = getattr(venue, self.method)
        return await watch(list(self.argument) if isinstance(self.argument, tuple) else self.argument)


def shares(venue: Venue, way: Way, instruments: Sequence[Instrument]) -> list[Share]:
    """How ``instruments`` are heard of; nothing where the exchange has no way at all."""
    if venue.has.get(way.together) is True:
        parts = [tuple(instruments[at : at + TOGETHER]) for at in range(0, len(instruments), TOGETHER)]
        return [
            Share(f"{way.name}-{number}", part, way.together, tuple(i.symbol for i in part))
            for number, part in enumerate(parts, start=1)
        ]
    if venue.has.get(way.alone) is True:
        return [Share(f"{way.name}-{i.symbol}", (i,), way.alone, i.symbol) for i in instruments]
    if venue.has.get(way.question):
        return [Share(way.name, tuple(instruments), "")]
    return []


async def all_tickers(venue: Venue, symbols: Sequence[str]) -> Mapping[str, Row]:
    """In one answer where the exchange has it."""
    if venue.has.get("fetchTickers"):
        return await venue.fetch_tickers(list(symbols))
    return {symbol: await venue.fetch_ticker(symbol) for symbol in symbols}
