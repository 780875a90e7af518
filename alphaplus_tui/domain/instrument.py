"""What is traded: one unified symbol on one exchange."""

from typing import NewType

from msgspec import Struct

InstrumentId = NewType("InstrumentId", str)
"""``exchange:symbol``, such as ``binance:BTC/USDT``; an exchange's name holds neither ``:`` nor ``/``."""


class Instrument(Struct, frozen=True):
    """One unified symbol on one exchange, and how its numbers are written."""

    exchange: str
    symbol: str
    """ccxt's form: ``BTC/USDT`` spot, ``BTC/USDT:USDT`` perpetual."""
    venue_symbol: str
    """The exchange's own name for it, such as ``BTCUSDT``."""
    base: str
    quote: str
    price_step: float
    quantity_step: float
    numbered: bool = True
    """Its trades are numbered one by one: a skipped number is a missing trade. Elsewhere a trade's ``seq`` is its
    ``ts_event``, which several may share, and ``trade_id`` tells them apart."""

    @property
    def id(self) -> InstrumentId:
        return instrument_id(self.exchange, self.symbol)


def instrument_id(exchange: str, symbol: str) -> InstrumentId:
    return InstrumentId(f"{exchange}:{symbol}")


def exchange_of(instrument: InstrumentId) -> str:
    return instrument.partition(":")[0]


def symbol_of(instrument: InstrumentId) -> str:
    return instrument.partition(":")[2]


def decimals(step: float) -> int:
    """Digits after the point that a number in multiples of ``step`` needs, at most 12."""
    text = f"{step:.12f}".rstrip("0")
    return len(text.partition(".")[2])
